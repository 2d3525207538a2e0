package dev.authenticatorcore.demo.push

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.ErrorClass
import dev.authenticatorcore.demo.DemoApp
import dev.authenticatorcore.demo.state.Phone
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch

/** Sends answers that could not be delivered, as soon as there is a network, whether the app is open or not. */
class FlushJob : JobService() {
    private var running: Job? = null

    override fun onStartJob(parameters: JobParameters): Boolean {
        val app = application as DemoApp
        running = app.scope.launch { jobFinished(parameters, again(app.phone)) }
        return true
    }

    /** What is not sent yet stays in the store: start again when there is a network. */
    override fun onStopJob(parameters: JobParameters): Boolean {
        running?.cancel()
        return true
    }

    companion object {
        private const val ID = 1

        fun schedule(context: Context) {
            val job = JobInfo.Builder(ID, ComponentName(context, FlushJob::class.java))
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .setBackoffCriteria(JobInfo.MIN_BACKOFF_MILLIS, JobInfo.BACKOFF_POLICY_LINEAR)
                .build()
            context.getSystemService(JobScheduler::class.java).schedule(job)
        }

        /** Sends what waits; whether something is left that can still be sent. */
        suspend fun again(phone: Phone): Boolean = try {
            phone.core().flush().any { it.delivery == Delivery.QUEUED }
        } catch (e: AuthenticatorException) {
            e.errorClass == ErrorClass.RETRY
        }
    }
}
