//! Images that are uploaded: what they are by their content, how large they become, and their small view.
//!
//! ```text
//! bytes -> format by signature -> width and height from the header -> bounded decoding -> turned upright -> small view
//! ```
//! The original is kept as it came. The small view is written anew from pixels, so that nothing hides in it: no
//! place and no camera from the original's metadata.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use image::codecs::jpeg::JpegEncoder;
use image::error::ImageError;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;
use trunkline_web::ApiError;

/// The longest side that is decoded: what browsers draw.
const SIDE_PIXELS_MAX: u32 = 16_384;

/// Memory for decoding one image; 50 million pixels of four bytes fit.
const DECODE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Memory for what stands before the pixels, such as a colour profile: those in use have at most 2 MiB, and what a
/// few bytes can be made to unfold into has no end. A larger profile is left aside.
const HEADER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Images decoded at a time, so that their memory stays bounded.
const DECODES_MAX: usize = 2;

/// How long an upload waits for its turn: ten times what the largest image takes.
const DECODE_WAIT: Duration = Duration::from_secs(10);

/// The width of the small view, which clients show in a bubble.
const SMALL_WIDTH_PIXELS: u32 = 360;

/// The quality of a small JPEG, of 100.
const SMALL_QUALITY: u8 = 80;

/// Guards the memory of decoding, for the whole process.
static DECODES: Semaphore = Semaphore::const_new(DECODES_MAX);

/// An image that can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// At most [`SMALL_WIDTH_PIXELS`] wide; `None` where the original is shown instead.
    pub(crate) small: Option<Bytes>,
}

/// Looks at an upload; waits when others are being looked at.
///
/// **Errors**: 415 for what is no JPEG, PNG, GIF, WebP or BMP by its content; 400 for more than `pixels_max`
/// pixels or a side of more than [`SIDE_PIXELS_MAX`], and for what cannot be decoded; 503 when no turn comes.
pub(crate) async fn inspect(bytes: Bytes, pixels_max: u64) -> Result<Picture, ApiError> {
    // Whatever is refused by its header never waits.
    header(&bytes, pixels_max)?;
    let turn = tokio::time::timeout(DECODE_WAIT, DECODES.acquire()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::unavailable("Too many images are being uploaded right now; try again."));
    };
    let decoded = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        decode(&bytes, pixels_max)
    });
    decoded.await.unwrap_or_else(|panicked| {
        tracing::error!(%panicked, "decoding an image failed");
        Err(broken())
    })
}

/// The media type of an image by its first bytes; `None` for what is no supported image.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Jpeg => Some("image/jpeg"),
        ImageFormat::Png => Some("image/png"),
        ImageFormat::Gif => Some("image/gif"),
        ImageFormat::WebP => Some("image/webp"),
        ImageFormat::Bmp => Some("image/bmp"),
        _ => None,
    }
}

struct Header {
    format: ImageFormat,
    width: u32,
    height: u32,
}

fn header(bytes: &[u8], pixels_max: u64) -> Result<Header, ApiError> {
    let unsupported = || {
        let message = "The image must be a JPEG, PNG, GIF, WebP or BMP.";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedImageType", message)
    };
    media_type(bytes).ok_or_else(unsupported)?;
    let format = image::guess_format(bytes).map_err(|_| unsupported())?;
    let (width, height) = reader(bytes, format, HEADER_BYTES_MAX).into_dimensions().map_err(|_| broken())?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(broken());
    }
    if pixels > pixels_max || width.max(height) > SIDE_PIXELS_MAX {
        return Err(too_large(format!(
            "The image has {width} × {height} pixels; at most {pixels_max} with sides of at most {SIDE_PIXELS_MAX} can be shown."
        )));
    }
    Ok(Header { format, width, height })
}

/// A reader that takes at most `bytes_max` bytes of memory for what is not pixels.
fn reader(bytes: &[u8], format: ImageFormat, bytes_max: u64) -> ImageReader<Cursor<&[u8]>> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes_max);
    reader.limits(limits);
    reader
}

fn decode(bytes: &[u8], pixels_max: u64) -> Result<Picture, ApiError> {
    let Header { format, width, height } = header(bytes, pixels_max)?;
    // Eight bytes are the most a pixel has, so that a small image gets little memory for anything else.
    let bytes_max = DECODE_BYTES_MAX.min(HEADER_BYTES_MAX + 8 * u64::from(width) * u64::from(height));
    let mut decoder = reader(bytes, format, bytes_max).into_decoder().map_err(|error| refusal(&error))?;
    if decoder.total_bytes() > bytes_max {
        return Err(too_much_memory());
    }
    let orientation = decoder.orientation().map_err(|error| refusal(&error))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    // A small view of an animation would stand still, and a GIF has no metadata to be rid of.
    if format == ImageFormat::Gif && width <= SMALL_WIDTH_PIXELS {
        return Ok(Picture { small: None });
    }
    image.apply_orientation(orientation);
    Ok(Picture { small: Some(shrink(&image)?) })
}

fn shrink(image: &DynamicImage) -> Result<Bytes, ApiError> {
    let small_image;
    let shown = if image.width() > SMALL_WIDTH_PIXELS {
        // The width decides; a tall image keeps its height in proportion.
        small_image = image.thumbnail(SMALL_WIDTH_PIXELS, u32::MAX);
        &small_image
    } else {
        image
    };
    let mut written = Cursor::new(Vec::new());
    let done = if shown.color().has_alpha() {
        DynamicImage::from(shown.to_rgba8()).write_to(&mut written, ImageFormat::Png)
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut written, SMALL_QUALITY);
        shown.to_rgb8().write_with_encoder(encoder)
    };
    done.map_err(|error| refusal(&error))?;
    Ok(written.into_inner().into())
}

fn refusal(error: &ImageError) -> ApiError {
    match error {
        ImageError::Limits(_) => too_much_memory(),
        _ => broken(),
    }
}

fn too_much_memory() -> ApiError {
    too_large("Decoding the image would take more memory than is allowed.".to_owned())
}

fn too_large(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "ImageTooManyPixels", message)
}

fn broken() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "ImageBroken", "The image cannot be decoded.")
}

#[cfg(test)]
pub(crate) mod tests {
    use image::codecs::png::PngEncoder;
    use image::{ImageEncoder as _, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    const PIXELS_MAX: u64 = 50_000_000;

    /// A plain image in `format`.
    pub(crate) fn sample(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
        let mut written = Cursor::new(Vec::new());
        let image = DynamicImage::from(RgbImage::from_pixel(width, height, Rgb([200, 10, 10])));
        image.write_to(&mut written, format).expect("a plain image can be written");
        written.into_inner()
    }

    async fn refused(bytes: Vec<u8>) -> (u16, &'static str) {
        let error = inspect(bytes.into(), PIXELS_MAX).await.expect_err("refused");
        (error.status.as_u16(), error.code)
    }

    #[tokio::test]
    async fn images_are_known_by_their_content() {
        for (format, media_type) in [
            (ImageFormat::Jpeg, "image/jpeg"),
            (ImageFormat::Png, "image/png"),
            (ImageFormat::Gif, "image/gif"),
            (ImageFormat::WebP, "image/webp"),
            (ImageFormat::Bmp, "image/bmp"),
        ] {
            let bytes = sample(format, 720, 300);
            assert_eq!(super::media_type(&bytes), Some(media_type));
            let Header { width, height, .. } = header(&bytes, PIXELS_MAX).expect("an image");
            assert_eq!((width, height), (720, 300), "{media_type}");
            let picture = inspect(bytes.into(), PIXELS_MAX).await.expect("an image");
            let small = image::load_from_memory(&picture.small.expect("a small view")).expect("an image");
            assert_eq!((small.width(), small.height()), (360, 150), "{media_type}");
        }
    }

    #[tokio::test]
    async fn what_is_no_image_is_refused() {
        for bytes in [
            b"".to_vec(),
            b"hello".to_vec(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
            b"<html><script>alert(1)</script></html>".to_vec(),
            b"II*\0\x08\0\0\0".to_vec(),
            b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(),
            b"%PDF-1.7".to_vec(),
        ] {
            assert_eq!(refused(bytes).await, (415, "UnsupportedImageType"));
        }
    }

    #[tokio::test]
    async fn broken_images_are_refused() {
        let png = sample(ImageFormat::Png, 100, 100);
        assert_eq!(refused(png[..png.len() / 2].to_vec()).await, (400, "ImageBroken"));
        assert_eq!(refused(png[..12].to_vec()).await, (400, "ImageBroken"));
        assert_eq!(refused(b"GIF89a".to_vec()).await, (400, "ImageBroken"));
        // A picture at the front of a page is that picture; the page behind it is never seen as one.
        let mut polyglot = sample(ImageFormat::Gif, 10, 10);
        polyglot.extend_from_slice(b"<script>alert(1)</script>");
        assert_eq!(media_type(&polyglot), Some("image/gif"));
        inspect(polyglot.into(), PIXELS_MAX).await.expect("an image");
    }

    /// A PNG whose header promises that many pixels.
    fn bomb(width: u32, height: u32) -> Vec<u8> {
        bomb_of(width, height, 8)
    }

    /// The same with four colours of `bits` each.
    fn bomb_of(width: u32, height: u32, bits: u8) -> Vec<u8> {
        let mut png = sample(ImageFormat::Png, 1, 1);
        png[24..26].copy_from_slice(&[bits, 6]);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        png
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1)))
        })
    }

    #[tokio::test]
    async fn promised_pixels_are_bounded_before_decoding() {
        assert_eq!(refused(bomb(50_000, 50_000)).await, (400, "ImageTooManyPixels"));
        assert_eq!(refused(bomb(16_385, 1)).await, (400, "ImageTooManyPixels"));
        assert_eq!(refused(bomb(8_000, 8_000)).await, (400, "ImageTooManyPixels"));
        assert_eq!(refused(bomb(0, 0)).await, (400, "ImageBroken"));
        // Few enough, but they do not come.
        assert_eq!(refused(bomb(1_000, 1_000)).await, (400, "ImageBroken"));
    }

    #[tokio::test]
    async fn memory_is_bounded_where_pixels_are_not_too_many() {
        assert_eq!(refused(bomb_of(6_500, 7_500, 16)).await, (400, "ImageTooManyPixels"));
        assert_eq!(refused(bomb_of(100, 100, 16)).await, (400, "ImageBroken"));
    }

    #[tokio::test]
    async fn a_colour_profile_without_end_is_left_aside() {
        let with_profile = |bytes: u64| {
            let mut png = Vec::new();
            let mut encoder = PngEncoder::new(&mut png);
            encoder.set_icc_profile(vec![0; usize::try_from(bytes).expect("small")]).expect("a profile");
            encoder.write_image(&[0; 3], 1, 1, image::ExtendedColorType::Rgb8).expect("a PNG");
            png
        };
        let profile = |png: &[u8], bytes_max: u64| {
            let mut decoder = reader(png, ImageFormat::Png, bytes_max).into_decoder().expect("a header");
            decoder.icc_profile().expect("readable").map(|profile| profile.len() as u64)
        };
        let (usual, endless) = (with_profile(HEADER_BYTES_MAX / 2), with_profile(8 * HEADER_BYTES_MAX));
        assert_eq!(profile(&usual, HEADER_BYTES_MAX), Some(HEADER_BYTES_MAX / 2));
        assert_eq!(profile(&endless, HEADER_BYTES_MAX), None);
        assert!(endless.len() < 200_000);
        assert!(inspect(endless.into(), PIXELS_MAX).await.is_ok());
    }

    #[tokio::test]
    async fn the_small_view_has_none_of_the_metadata() {
        let image = RgbImage::from_pixel(40, 20, Rgb([1, 2, 3]));
        let mut jpeg = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
        encoder.write_image(&image, 40, 20, image::ExtendedColorType::Rgb8).expect("a JPEG");
        // An EXIF block behind the start marker: turned by 90 degrees (tag 0x0112 is 6), then a note.
        let tiff: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0secret place";
        let mut exif = vec![0xFF, 0xE1];
        let length = u16::try_from(2 + 6 + tiff.len()).expect("short");
        exif.extend_from_slice(&length.to_be_bytes());
        exif.extend_from_slice(b"Exif\0\0");
        exif.extend_from_slice(tiff);
        jpeg.splice(2..2, exif);
        let picture = inspect(jpeg.clone().into(), PIXELS_MAX).await.expect("an image");
        let small = picture.small.expect("a small view");
        assert!(jpeg.windows(6).any(|window| window == b"secret"));
        assert!(!small.windows(6).any(|window| window == b"secret"));
        let small = image::load_from_memory(&small).expect("an image");
        assert_eq!((small.width(), small.height()), (20, 40));
    }

    #[tokio::test]
    async fn transparency_is_kept_and_small_animations_move_on() {
        let mut png = Cursor::new(Vec::new());
        let image = RgbaImage::from_pixel(10, 10, Rgba([1, 2, 3, 4]));
        DynamicImage::from(image).write_to(&mut png, ImageFormat::Png).expect("a PNG");
        let picture = inspect(png.into_inner().into(), PIXELS_MAX).await.expect("an image");
        assert_eq!(media_type(&picture.small.expect("a small view")), Some("image/png"));
        let gif = inspect(sample(ImageFormat::Gif, 360, 10).into(), PIXELS_MAX).await.expect("an image");
        assert_eq!(gif.small, None);
    }
}
