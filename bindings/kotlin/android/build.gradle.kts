// For people with Gradle: the same library from the same sources. `bindings/build-android` and `bindings/kotlin/generate`
// first; a test of the Maven build compares the versions and folders here with its own.
plugins {
    id("com.android.library") version "8.13.0"
    kotlin("android") version "2.4.21"
}

android {
    namespace = "dev.authenticatorcore.android"
    compileSdk = 36
    defaultConfig {
        minSdk = 30
        consumerProguardFiles("consumer-rules.pro")
    }
    sourceSets["main"].java.srcDirs("src/main/kotlin", "third_party", "../src/main/kotlin", "target/generated-sources/uniffi")
    sourceSets["main"].jniLibs.srcDir("../../../target/android")
}

kotlin { jvmToolchain(17) }

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.11.0")
    implementation("net.java.dev.jna:jna:5.18.1@aar")
}
