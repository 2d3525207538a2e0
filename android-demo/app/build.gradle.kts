// For Android Studio: the same sources as app/pom.xml, with the AAR of bindings/kotlin/android as a project beside it.
// Firebase: add its plugin, `firebase-messaging`, your google-services.json and the folder src/fcm/kotlin.
plugins {
    alias(libs.plugins.android)
    alias(libs.plugins.kotlin)
    alias(libs.plugins.compose)
}

android {
    namespace = "dev.authenticatorcore.demo"
    compileSdk = 36
    defaultConfig {
        applicationId = "dev.authenticatorcore.demo"
        minSdk = 30
        targetSdk = 34
        versionCode = 1
        versionName = "0.1.0"
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }
    sourceSets["main"].java.srcDirs("src/main/kotlin")
    sourceSets["test"].java.srcDirs("src/test/kotlin")
    testOptions.unitTests.isIncludeAndroidResources = true
}

kotlin { jvmToolchain(17) }

dependencies {
    implementation(project(":core"))
    implementation(libs.activity.compose)
    implementation(libs.compose.foundation)
    implementation(libs.compose.ui)
    implementation(libs.coroutines)
    implementation(libs.lifecycle)
    implementation(libs.material3)
    implementation(libs.zxing)
    testImplementation(libs.compose.test)
    testImplementation(libs.gson)
    testImplementation(libs.jna)
    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
}
