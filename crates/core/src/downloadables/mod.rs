//! What a grant lets a buyer download.
