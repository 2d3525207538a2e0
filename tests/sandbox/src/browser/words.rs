//! The page's own words. What is asked comes from the core, in the same language.

use crate::messages::Language;

pub(super) struct Words {
    pub(super) sign_in: &'static str,
    pub(super) sign_in_why: &'static str,
    pub(super) user_name: &'static str,
    pub(super) password: &'static str,
    pub(super) wrong_login: &'static str,
    pub(super) signed_in_as: &'static str,
    pub(super) sign_out: &'static str,
    pub(super) asks: &'static str,
    pub(super) compare: &'static str,
    pub(super) compare_why: &'static str,
    pub(super) whole_text: &'static str,
    pub(super) approve: &'static str,
    pub(super) deny: &'static str,
    pub(super) only_deny: &'static str,
    pub(super) phone_only: &'static str,
    pub(super) until: &'static str,
    pub(super) approved: Ending,
    pub(super) denied: Ending,
    pub(super) answered: Ending,
    pub(super) expired: Ending,
    /// Where it is not known how it ended.
    pub(super) over: Ending,
    pub(super) unknown: Ending,
    pub(super) other_user: Ending,
    pub(super) sign_out_and_retry: &'static str,
    pub(super) login_failed: Ending,
    pub(super) too_many: Ending,
    pub(super) stale_form: Ending,
    pub(super) try_again: &'static str,
    pub(super) changed: &'static str,
    pub(super) not_confirmed: &'static str,
    pub(super) cannot_show: &'static str,
    pub(super) caution: &'static str,
    pub(super) danger: &'static str,
    pub(super) note: &'static str,
}

/// A page that ends something: title and sentence.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Words {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

static ENGLISH: Words = Words {
    sign_in: "Sign in",
    sign_in_why: "An application asks for your approval. Sign in to see what it asks for.",
    user_name: "User name or e-mail address",
    password: "Password",
    wrong_login: "User name or password is wrong.",
    signed_in_as: "Signed in as",
    sign_out: "Sign out",
    asks: "asks for your approval",
    compare: "Same on the other screen?",
    compare_why: "If other words stand there, deny.",
    whole_text: "Whole text",
    approve: "Approve",
    deny: "Deny",
    only_deny: "This cannot be approved.",
    phone_only: "Only an approval that your phone signs counts here.",
    until: "Open until",
    approved: Ending {
        title: "Approved",
        text: "The application has been told. You can close this window.",
    },
    denied: Ending {
        title: "Denied",
        text: "The application gets no access. You can close this window.",
    },
    answered: Ending {
        title: "Already answered",
        text: "This request has its answer; a link works once.",
    },
    expired: Ending {
        title: "No longer open",
        text: "The time for this request is over. Nothing was approved.",
    },
    over: Ending {
        title: "This link no longer works",
        text: "It was used, or the time for the request is over.",
    },
    unknown: Ending {
        title: "This link does not work",
        text: "It is not complete, or it was never valid. Open it again from the message.",
    },
    other_user: Ending {
        title: "Another account is asked",
        text: "You are signed in with an account that this request is not for. Sign out, and sign in with the other one.",
    },
    sign_out_and_retry: "Sign out and try again",
    login_failed: Ending {
        title: "Sign-in failed",
        text: "The request has been denied, because user name or password was wrong. Start it again if it is yours.",
    },
    too_many: Ending {
        title: "Too many attempts",
        text: "Nobody can sign in by this link any more. Nothing was approved.",
    },
    stale_form: Ending {
        title: "Nothing was done",
        text: "This page is too old, or was not opened by you. Open the link again.",
    },
    try_again: "Open the request again",
    changed: "What is asked looks different now. Read it again.",
    not_confirmed: "What you typed does not match. Read the request again.",
    cannot_show: "The details cannot be shown, so nothing can be approved.",
    caution: "Caution:",
    danger: "Danger:",
    note: "Note:",
};

static GERMAN: Words = Words {
    sign_in: "Anmelden",
    sign_in_why: "Eine Anwendung bittet um Ihre Freigabe. Melden Sie sich an, um zu sehen, worum es geht.",
    user_name: "Benutzername oder E-Mail-Adresse",
    password: "Passwort",
    wrong_login: "Benutzername oder Passwort ist falsch.",
    signed_in_as: "Angemeldet als",
    sign_out: "Abmelden",
    asks: "bittet um Ihre Freigabe",
    compare: "Steht auf dem anderen Bildschirm dasselbe?",
    compare_why: "Stehen dort andere Worte, lehnen Sie ab.",
    whole_text: "Ganzer Text",
    approve: "Freigeben",
    deny: "Ablehnen",
    only_deny: "Dies kann nicht freigegeben werden.",
    phone_only: "Hier gilt nur eine Freigabe, die Ihr Telefon unterschreibt.",
    until: "Offen bis",
    approved: Ending {
        title: "Freigegeben",
        text: "Die Anwendung weiß Bescheid. Sie können dieses Fenster schließen.",
    },
    denied: Ending {
        title: "Abgelehnt",
        text: "Die Anwendung bekommt keinen Zugriff. Sie können dieses Fenster schließen.",
    },
    answered: Ending {
        title: "Schon beantwortet",
        text: "Diese Anfrage hat ihre Antwort; ein Link gilt einmal.",
    },
    expired: Ending {
        title: "Nicht mehr offen",
        text: "Die Zeit für diese Anfrage ist vorbei. Nichts wurde freigegeben.",
    },
    over: Ending {
        title: "Dieser Link geht nicht mehr",
        text: "Er wurde benutzt, oder die Zeit für die Anfrage ist vorbei.",
    },
    unknown: Ending {
        title: "Dieser Link geht nicht",
        text: "Er ist unvollständig oder war nie gültig. Öffnen Sie ihn noch einmal aus der Nachricht.",
    },
    other_user: Ending {
        title: "Ein anderes Konto ist gefragt",
        text: "Sie sind mit einem Konto angemeldet, für das diese Anfrage nicht ist. Melden Sie sich ab und mit dem anderen an.",
    },
    sign_out_and_retry: "Abmelden und noch einmal",
    login_failed: Ending {
        title: "Anmeldung fehlgeschlagen",
        text: "Die Anfrage wurde abgelehnt, weil Benutzername oder Passwort falsch war. Beginnen Sie sie neu, wenn sie von Ihnen ist.",
    },
    too_many: Ending {
        title: "Zu viele Versuche",
        text: "Über diesen Link kann sich niemand mehr anmelden. Nichts wurde freigegeben.",
    },
    stale_form: Ending {
        title: "Nichts ist geschehen",
        text: "Diese Seite ist zu alt oder wurde nicht von Ihnen geöffnet. Öffnen Sie den Link noch einmal.",
    },
    try_again: "Anfrage noch einmal öffnen",
    changed: "Was gefragt wird, sieht jetzt anders aus. Lesen Sie es noch einmal.",
    not_confirmed: "Ihre Eingabe passt nicht. Lesen Sie die Anfrage noch einmal.",
    cannot_show: "Die Einzelheiten können nicht gezeigt werden; darum kann nichts freigegeben werden.",
    caution: "Achtung:",
    danger: "Gefahr:",
    note: "Hinweis:",
};
