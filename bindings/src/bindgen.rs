//! Writes the Kotlin and the Swift side of the library that it is given.

fn main() {
    uniffi::uniffi_bindgen_main()
}
