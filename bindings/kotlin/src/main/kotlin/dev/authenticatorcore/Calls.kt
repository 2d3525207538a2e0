package dev.authenticatorcore

// The calls of Authenticator as they are mostly made: without the arguments that are seldom needed.

/** Settings with every default: this store file, English and UTC. Change what differs with `copy`. */
fun Config.Companion.at(store: String): Config = defaultConfig(store)

/** Enrols at the server that the invitation chooses among those configured or added. */
suspend fun AuthenticatorInterface.enroll(invitation: String, device: Device): Enrollment =
    enroll(invitation, null, device)

/** Approves exactly what the review shows, where no typed confirmation is needed. */
suspend fun AuthenticatorInterface.approve(review: Review, confirmation: String? = null): Receipt =
    approve(review.challenge, review.digest, confirmation)

/** First half of an approval with user verification, of exactly what the review shows. */
suspend fun AuthenticatorInterface.beginApproval(review: Review, confirmation: String? = null): SigningRequest =
    beginApproval(review.challenge, review.digest, confirmation)

/** Denies exactly what the review shows. */
suspend fun AuthenticatorInterface.deny(review: Review, reason: String? = null): Receipt =
    deny(review.challenge, review.digest, reason)

/** Denies what nobody has looked at, from a notification for example. */
suspend fun AuthenticatorInterface.deny(id: ChallengeId, reason: String? = null): Receipt = deny(id, null, reason)

/** The newest entries of all accounts. */
suspend fun AuthenticatorInterface.history(limit: Int = 50): List<HistoryEntry> = history(null, null, limit.toUInt())

/** Reads a push of FCM: `RemoteMessage.getData()`. */
suspend fun AuthenticatorInterface.receivePush(data: Map<String, String>): Challenge = receivePushData(data)
