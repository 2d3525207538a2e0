// For Android Studio. The build that is tested is that of the poms; GradleTest compares versions and folders.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "android-demo"
include(":app", ":core")
project(":core").projectDir = file("../bindings/kotlin/android")
