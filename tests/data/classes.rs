//! How classes are chosen.

use trainer::data::{ClassSelection, DataError};

#[test]
fn classes_are_read_in_any_spelling_and_shown_in_one() {
    for (text, canonical) in [
        ("1, T-Shirt/TOP", "t-shirt,trouser"),
        ("tshirt,top,0", "t-shirt"),
        ("boot", "ankle-boot"),
        ("Ankle Boot,8", "bag,ankle-boot"),
        ("shirt,coat,dress,pullover", "pullover,dress,coat,shirt"),
        ("ALL", "all"),
        ("0,1,2,3,4,5,6,7,8,9", "all"),
        ("sandal,all", "all"),
    ] {
        let classes: ClassSelection = text.parse().unwrap();
        assert_eq!(classes.to_string(), canonical, "from {text}");
        assert_eq!(canonical.parse::<ClassSelection>().unwrap(), classes);
        let json = serde_json::to_string(&classes).unwrap();
        assert_eq!(json, format!("\"{canonical}\""));
        assert_eq!(
            serde_json::from_str::<ClassSelection>(&json).unwrap(),
            classes
        );
    }
    assert_eq!(ClassSelection::default().to_string(), "t-shirt,trouser");
    assert_eq!(
        ClassSelection::all().labels().collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
}

#[test]
fn an_unknown_class_is_refused_with_the_names_that_exist() {
    for (text, unknown) in [
        ("trouser,hat", "hat"),
        ("10", "10"),
        ("0,,1", ""),
        ("-1", "-1"),
    ] {
        let error = text.parse::<ClassSelection>().unwrap_err();
        assert!(
            matches!(&error, DataError::UnknownClass { name } if name == unknown),
            "{error:?}"
        );
        let message = error.to_string();
        assert!(
            message.contains("--classes") && message.contains("ankle-boot"),
            "{message}"
        );
    }
    assert_error!(" ".parse::<ClassSelection>(), DataError::NoClasses);
    assert!(serde_json::from_str::<ClassSelection>("\"hat\"").is_err());
}
