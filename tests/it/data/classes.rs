//! How classes are chosen.

use trainer::data::{CLASS_NAMES, ClassSelection, DataError};

fn names() -> Vec<String> {
    CLASS_NAMES.map(str::to_owned).to_vec()
}

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
        let classes = classes.canonical(&names()).unwrap();
        assert_eq!(classes.to_string(), canonical, "from {text}");
        assert_eq!(canonical.parse::<ClassSelection>().unwrap(), classes);
        let json = serde_json::to_string(&classes).unwrap();
        assert_eq!(json, format!("\"{canonical}\""));
        assert_eq!(
            serde_json::from_str::<ClassSelection>(&json).unwrap(),
            classes
        );
    }
    assert_eq!(ClassSelection::default().to_string(), "auto");
    let all = ClassSelection::All.resolve(&names()).unwrap();
    assert_eq!(
        all.into_iter().collect::<Vec<_>>(),
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
        let classes = text.parse::<ClassSelection>().unwrap();
        let error = classes.resolve(&names()).unwrap_err();
        assert!(
            matches!(&error, DataError::UnknownClass { name, .. } if name == unknown),
            "{error:?}"
        );
        let message = error.to_string();
        assert!(
            message.contains("`classes`") && message.contains("ankle-boot"),
            "{message}"
        );
    }
    assert_error!(" ".parse::<ClassSelection>(), DataError::NoClasses);
    assert!(serde_json::from_str::<ClassSelection>("\"\"").is_err());
}

/// A name goes before a number, since a class may be called `1`.
#[test]
fn images_have_whatever_classes_they_have() {
    let names: Vec<String> = ["2", "Cracked cell", "1"].map(str::to_owned).to_vec();
    let resolve = |text: &str| {
        let classes = text.parse::<ClassSelection>().unwrap();
        classes
            .resolve(&names)
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(resolve("1"), [2]);
    assert_eq!(resolve("2"), [0]);
    assert_eq!(resolve("cracked CELL,0"), [0, 1]);
    assert_eq!(resolve("all"), [0, 1, 2]);
}
