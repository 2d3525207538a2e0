import AuthenticatorCore
import DemoWords
import Foundation

// Values as a person reads and hears them, in the language of the words.

extension Words {
    /// `4:05`, in the digits of the language.
    func clock(_ seconds: Int) -> String {
        let digits = IntegerFormatStyle<Int>.number.locale(locale)
        return "\((seconds / 60).formatted(digits)):\((seconds % 60).formatted(digits.precision(.integerLength(2...2))))"
    }

    /// `4 minutes`, for ears: at steps that a person can follow.
    func spokenTime(_ seconds: Int) -> String {
        let units: Set<Duration.UnitsFormatStyle.Unit> = seconds > 60 ? [.minutes] : [.seconds]
        let step: Duration =
            switch seconds {
            case 61...: .seconds((seconds + 59) / 60 * 60)
            case 31...: .seconds(60)
            case 11...: .seconds(30)
            default: .seconds(10)
            }
        return step.formatted(.units(allowed: units, width: .wide).locale(locale))
    }

    func timeLeft(_ seconds: Int) -> TimeLeft {
        TimeLeft(
            text: self(.timeLeft, clock(seconds)), spoken: self(.timeLeft, spokenTime(seconds)), soon: seconds <= 30)
    }

    /// Date and time of Unix milliseconds.
    func time(_ at: Int64) -> String {
        Date(milliseconds: at).formatted(
            Date.FormatStyle(date: .abbreviated, time: .shortened, locale: locale, timeZone: timeZone))
    }

    /// `249.00 euros`, for ears; `nil` where it is not money that anybody has words for.
    func spokenAmount(decimal: String, currency: String) -> String? {
        // `Decimal` reads as far as it can, and takes the rest for nothing.
        guard decimal.allSatisfy({ "-.0123456789".contains($0) }), currency.count == 3,
            let amount = Decimal(string: decimal, locale: Locale(identifier: "en_US_POSIX"))
        else { return nil }
        let places = decimal.split(separator: ".").dropFirst().first?.count ?? 0
        return amount.formatted(
            .currency(code: currency).presentation(.fullName).precision(.fractionLength(places)).locale(locale))
    }

    /// The name of a language in itself.
    func name(of language: String) -> String {
        let own = Locale(identifier: language)
        let name = own.localizedString(forLanguageCode: language) ?? language
        return name.prefix(1).uppercased(with: own) + name.dropFirst()
    }

    func problem(_ problem: Problem) -> String {
        switch problem.what {
        case .offline: self(.offline)
        case .notSecure: self(.errorTls)
        case .server: self(.errorServer)
        case .keysLocked: self(.errorKeysLocked)
        case .keyLost: self(.keyLost)
        case .storeLost: self(.storeLost)
        case .invitationMalformed: self(.errorInvitationMalformed)
        case .invitationOther: self(.errorInvitationOther)
        case .invitationOpenPage: self(.errorInvitationOpenPage)
        case .invitationExpired: self(.errorInvitationExpired)
        case .alreadyHere: self(.errorEnrollmentConflict)
        case .other: self(.errorOther, problem.code)
        }
    }

    /// Symbol, tone and word of a mark.
    func banner(_ mark: Mark) -> Banner {
        switch mark.severity {
        case .info: Banner(.info, .calm, self(.severityInfo), mark.text)
        case .caution: Banner(.warning, .caution, self(.severityCaution), mark.text)
        case .danger: Banner(.broken, .bad, self(.severityDanger), mark.text)
        }
    }

    func reason(_ code: String) -> String {
        switch Reason(rawValue: code) {
        case .notMe: self(.reasonNotMe)
        case .wrongDetails: self(.reasonWrong)
        case .changedMind: self(.reasonChangedMind)
        case nil: code
        }
    }
}

extension String {
    /// With a space after every so many characters.
    func grouped(by size: Int) -> String {
        stride(from: 0, to: count, by: size)
            .map { String(dropFirst($0).prefix(size)) }
            .joined(separator: " ")
    }
}
