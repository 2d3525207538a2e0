package androidx.work

import android.content.Context

// As much of WorkManager as the README's snippets name; the real one is not in Maven Central.

class WorkerParameters

abstract class ListenableWorker(val context: Context, val parameters: WorkerParameters) {
    abstract class Result {
        companion object {
            fun success(): Result = object : Result() {}
            fun retry(): Result = object : Result() {}
            fun failure(): Result = object : Result() {}
        }
    }
}

abstract class CoroutineWorker(context: Context, parameters: WorkerParameters) : ListenableWorker(context, parameters) {
    abstract suspend fun doWork(): Result
}
