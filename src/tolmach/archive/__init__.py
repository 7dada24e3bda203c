"""What we hold: patients, studies, series and instances; matching, search, retention."""
