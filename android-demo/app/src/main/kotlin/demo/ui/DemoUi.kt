package dev.authenticatorcore.demo.ui

import androidx.activity.compose.BackHandler
import androidx.compose.foundation.layout.RowScope
import androidx.compose.material3.Badge
import androidx.compose.material3.BadgedBox
import androidx.compose.material3.NavigationBar
import androidx.compose.material3.NavigationBarItem
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.CompositionLocalProvider
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.compose.ui.platform.LocalDensity
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.unit.Density
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.HistoryState
import dev.authenticatorcore.demo.state.Place
import dev.authenticatorcore.demo.state.RequestsState
import dev.authenticatorcore.demo.state.Session

/** What of the platform the screens need. `camera` asks for the permission, and calls back when it is there. */
class PlatformActions(
    val paste: () -> String? = { null },
    val hasCamera: Boolean = false,
    val camera: (granted: () -> Unit) -> Unit = {},
    val enrolled: () -> Unit = {},
)

/** The whole app: the place where a person is, as a function of the session's state. */
@Composable
fun DemoUi(session: Session, platform: PlatformActions) {
    val places by session.navigator.places.collectAsState()
    val place = places.last()
    BackHandler(places.size > 1) { session.navigator.back() }
    val back: () -> Unit = { session.navigator.back() }
    val tabs = @Composable { Tabs(session, place) }
    when (place) {
        Place.Accounts -> Accounts(session, tabs)
        Place.Requests -> {
            val state by session.requests.state.collectAsState()
            RequestsScreen(state, { session.navigator.open(Place.Review(it)) }, { session.requests.retry() }, tabs)
        }
        Place.History -> {
            LaunchedEffect(Unit) { session.history.load() }
            val state by session.history.state.collectAsState()
            HistoryScreen(state, { session.navigator.open(Place.Entry(it)) }, { session.history.load() }, tabs)
        }
        Place.Settings -> {
            val state by session.settings.state.collectAsState()
            val model = session.settings
            SettingsScreen(state, SettingsActions({ model.chooseLanguage(it) }, { model.askForBiometric(it) }, { model.diagnose() }), tabs)
        }
        Place.Enrol -> Enrol(session, platform, back)
        Place.Scan -> ScanScreen({
            back()
            session.enrol.submit(it)
        }, back)
        is Place.Account -> Account(session, place, back)
        is Place.Review -> Review(session, place, back)
        is Place.Entry -> {
            val state by session.history.state.collectAsState()
            EntryScreen((state as? HistoryState.Shown)?.items?.firstOrNull { it.id == place.id }, back)
        }
    }
}

@Composable
private fun Accounts(session: Session, tabs: @Composable () -> Unit) {
    val model = session.accounts
    LaunchedEffect(Unit) { model.load() }
    val state by model.state.collectAsState()
    AccountsScreen(
        state,
        AccountsActions(
            add = {
                session.enrol.start()
                session.navigator.open(Place.Enrol)
            },
            open = { session.navigator.open(Place.Account(it)) },
            showCode = { model.showCode(it) }, hideCode = { model.hideCode(it) }, retry = { model.load() }, repair = { model.repair() },
        ),
        tabs,
    )
}

@Composable
private fun Enrol(session: Session, platform: PlatformActions, back: () -> Unit) {
    val model = session.enrol
    val state by model.state.collectAsState()
    EnrolScreen(
        state,
        EnrolActions(
            submit = { model.submit(it) }, trust = { model.trust(it) }, again = { model.start() },
            scan = { platform.camera { session.navigator.open(Place.Scan) } }.takeIf { platform.hasCamera },
            paste = platform.paste,
            done = {
                platform.enrolled()
                session.navigator.tab(Place.Accounts)
            },
            back = back,
        ),
    )
}

@Composable
private fun Account(session: Session, place: Place.Account, back: () -> Unit) {
    val model = session.account(place.id)
    val state by model.state.collectAsState()
    AccountScreen(
        state,
        AccountActions({ model.askToRemove() }, { model.remove() }, { model.removeHereOnly() }, { model.keep() }, { model.load() }, back),
    )
}

@Composable
private fun Review(session: Session, place: Place.Review, back: () -> Unit) {
    val model = session.review(place.id)
    val state by model.state.collectAsState()
    ReviewScreen(
        state,
        ReviewActions(
            { model.approve() }, { model.deny(it) }, { model.type(it) }, { model.chooseReason(it) }, { model.renewApprovalKey() },
            { model.load() }, { session.navigator.replace(Place.Review(it)) },
            {
                session.enrol.start()
                session.navigator.replace(Place.Enrol)
            },
            back,
        ),
    )
}

@Composable
private fun Tabs(session: Session, place: Place) {
    val requests by session.requests.state.collectAsState()
    val waiting = (requests as? RequestsState.Shown)?.cards?.size ?: 0
    TabBar(place, waiting) { session.navigator.tab(it) }
}

/**
 * The four tabs; `waiting` stands on the one with the requests. Their words do not grow with the text: a word cut in two is
 * worse than a small one, and each is the large title of its screen.
 */
@Composable
fun TabBar(place: Place, waiting: Int, choose: (Place) -> Unit) {
    val density = LocalDensity.current
    CompositionLocalProvider(LocalDensity provides Density(density.density, density.fontScale.coerceAtMost(1f))) {
        NavigationBar {
            Tab(Place.Accounts, R.string.accounts, R.drawable.ic_person, 0, place, choose)
            Tab(Place.Requests, R.string.requests, R.drawable.ic_requests, waiting, place, choose)
            Tab(Place.History, R.string.history, R.drawable.ic_history, 0, place, choose)
            Tab(Place.Settings, R.string.settings, R.drawable.ic_settings, 0, place, choose)
        }
    }
}

@Composable
private fun RowScope.Tab(tab: Place, words: Int, symbol: Int, badge: Int, place: Place, choose: (Place) -> Unit) =
    NavigationBarItem(
        selected = place == tab,
        onClick = { choose(tab) },
        icon = { BadgedBox({ if (badge > 0) Badge { Text("$badge") } }) { Symbol(symbol) } },
        label = { Text(stringResource(words), maxLines = 1) },
    )
