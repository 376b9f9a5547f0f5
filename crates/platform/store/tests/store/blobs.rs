//! Blobs: put, got, listed, deleted; hostile names refused.

use std::os::unix::fs::PermissionsExt as _;

use bytes::Bytes;
use tempfile::TempDir;
use trunkline_store::blobs::{BlobError, BlobInfo, BlobPlace, Blobs, SIZE_BYTES_MAX};

fn both() -> (TempDir, [Blobs; 2]) {
    let folder = TempDir::new().unwrap();
    let open = |place| Blobs::open(&place, SIZE_BYTES_MAX).unwrap();
    let blobs = [open(BlobPlace::Folder(folder.path().join("blobs"))), open(BlobPlace::Memory)];
    (folder, blobs)
}

#[tokio::test]
async fn a_blob_is_put_replaced_and_deleted() {
    let (_folder, both) = both();
    for blobs in both {
        blobs.put("chat/a1.bin", Bytes::from_static(b"first")).await.unwrap();
        blobs.put("chat/a1.bin", Bytes::from_static(b"second")).await.unwrap();
        assert_eq!(blobs.get("chat/a1.bin").await.unwrap(), "second");
        assert_eq!(blobs.size("chat/a1.bin").await.unwrap(), 6);
        assert!(blobs.delete("chat/a1.bin").await.unwrap());
        assert!(!blobs.delete("chat/a1.bin").await.unwrap());
        assert!(matches!(blobs.get("chat/a1.bin").await, Err(BlobError::NotFound(_))));
    }
}

#[tokio::test]
async fn ranges_must_lie_within_the_blob() {
    let (_folder, both) = both();
    for blobs in both {
        blobs.put("x", Bytes::from_static(b"0123456789")).await.unwrap();
        assert_eq!(blobs.get_range("x", 2..5).await.unwrap(), "234");
        assert_eq!(blobs.get_range("x", 10..10).await.unwrap(), "");
        assert!(matches!(blobs.get_range("x", 5..11).await, Err(BlobError::Range)));
    }
}

#[tokio::test]
async fn blobs_are_listed_by_name_within_a_prefix() {
    let (_folder, both) = both();
    for blobs in both {
        for name in ["b/2", "b/1", "bc/3"] {
            blobs.put(name, Bytes::from_static(b"x")).await.unwrap();
        }
        let info = |name: &str| BlobInfo { name: name.to_owned(), size_bytes: 1 };
        assert_eq!(blobs.list("b", 10).await.unwrap(), [info("b/1"), info("b/2")]);
        assert_eq!(blobs.list("", 2).await.unwrap(), [info("b/1"), info("b/2")]);
    }
}

#[tokio::test]
async fn hostile_names_are_refused() {
    let (folder, both) = both();
    let long = "x".repeat(201);
    for blobs in both {
        for name in ["", "/", "../x", "a/../b", "a//b", "a/", ".hidden", "a\0b", "a\\b", "é", "a#1", &long] {
            assert!(matches!(blobs.put(name, Bytes::new()).await, Err(BlobError::Name(_))), "{name}");
        }
    }
    let entries: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(entries.len(), 1, "nothing was written beside the folder of the blobs");
}

#[tokio::test]
async fn blobs_over_the_bound_are_refused() {
    let blobs = Blobs::open(&BlobPlace::Memory, 3).unwrap();
    blobs.put("x", Bytes::from_static(b"123")).await.unwrap();
    let refused = blobs.put("x", Bytes::from_static(b"1234")).await;
    assert!(matches!(refused, Err(BlobError::TooLarge { size_bytes: 4, size_bytes_max: 3 })));
}

#[tokio::test]
async fn a_new_folder_is_for_its_owner_only() {
    let (folder, _both) = both();
    let mode = std::fs::metadata(folder.path().join("blobs")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
