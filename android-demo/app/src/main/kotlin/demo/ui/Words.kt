package dev.authenticatorcore.demo.ui

import android.icu.math.BigDecimal
import android.icu.text.DecimalFormat
import android.icu.text.MeasureFormat
import android.icu.text.NumberFormat
import android.icu.util.Currency
import android.icu.util.Measure
import android.icu.util.MeasureUnit
import androidx.compose.runtime.Composable
import androidx.compose.ui.platform.LocalConfiguration
import androidx.compose.ui.res.stringResource
import dev.authenticatorcore.RowValue
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.Problem
import java.text.DateFormat
import java.util.Date
import java.util.Locale

/** The words for a problem, and what it was in full for whoever is told about it. */
@Composable
internal fun words(problem: Problem): String = when (problem.what) {
    Problem.What.OFFLINE -> stringResource(R.string.offline)
    Problem.What.NOT_SECURE -> stringResource(R.string.error_tls)
    Problem.What.SERVER -> stringResource(R.string.error_server)
    Problem.What.KEYS_LOCKED -> stringResource(R.string.error_keys_locked)
    Problem.What.KEY_LOST -> stringResource(R.string.key_lost)
    Problem.What.STORE_LOST -> stringResource(R.string.store_lost)
    Problem.What.INVITATION_MALFORMED -> stringResource(R.string.error_invitation_malformed)
    Problem.What.INVITATION_OTHER -> stringResource(R.string.error_invitation_other)
    Problem.What.INVITATION_OPEN_PAGE -> stringResource(R.string.error_invitation_open_page)
    Problem.What.INVITATION_EXPIRED -> stringResource(R.string.error_invitation_expired)
    Problem.What.ALREADY_HERE -> stringResource(R.string.error_enrollment_conflict)
    Problem.What.OTHER -> stringResource(R.string.error_other, problem.code)
}

/** Text from elsewhere within a sentence of the app: it keeps its direction, and leaves that of the sentence alone. */
internal fun isolated(text: String) = "\u2068$text\u2069"

@Composable
internal fun locale(): Locale = LocalConfiguration.current.locales[0]

/** `4:05`, in the digits of the language. */
@Composable
internal fun clock(seconds: Int): String = String.format(locale(), "%d:%02d", seconds / 60, seconds % 60)

/** `4 minutes`, for ears: at steps that a person can follow. */
@Composable
internal fun spokenTime(seconds: Int): String {
    val step = when {
        seconds > 60 -> Measure((seconds + 59) / 60, MeasureUnit.MINUTE)
        seconds > 30 -> Measure(60, MeasureUnit.SECOND)
        seconds > 10 -> Measure(30, MeasureUnit.SECOND)
        else -> Measure(10, MeasureUnit.SECOND)
    }
    return MeasureFormat.getInstance(locale(), MeasureFormat.FormatWidth.WIDE).formatMeasures(step)
}

@Composable
internal fun time(at: Long): String =
    DateFormat.getDateTimeInstance(DateFormat.MEDIUM, DateFormat.SHORT, locale()).format(Date(at))

/** `249.00 euros`, for ears; `null` where it is not money that anybody has words for. */
internal fun spokenAmount(amount: RowValue.Amount, locale: Locale): String? = try {
    val decimal = BigDecimal(amount.decimal)
    val format = NumberFormat.getInstance(locale, NumberFormat.PLURALCURRENCYSTYLE) as DecimalFormat
    format.currency = Currency.getInstance(amount.currency)
    format.minimumFractionDigits = decimal.scale()
    format.maximumFractionDigits = decimal.scale()
    format.format(decimal)
} catch (_: IllegalArgumentException) {
    null
}
