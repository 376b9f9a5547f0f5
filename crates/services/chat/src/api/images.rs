//! Images are uploaded, shown and deleted.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use tokio::sync::oneshot;
use trunkline_chat_wire::{ChatAttachmentType, UploadChatImageResult};
use trunkline_store::Tx;
use trunkline_store::blobs::BlobError;
use trunkline_web::context::encode;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked};
use crate::changes::{self, Committed, Edit};
use crate::error::ChatError;
use crate::rows::images::{self as image_rows, ImageRow};
use crate::rows::messages::find_by_number;
use crate::rows::{ThreadNumber, ThreadView};
use crate::rules::access::{self, Caller, Wanted, Window};
use crate::rules::names::DISPLAY_NAME_CHARS_MAX;
use crate::rules::threads::key;
use crate::{ChatService, convert, deletion, picture};

/// Images somebody uploaded that no message shows: more than one message takes, and half a gigabyte at most. They go
/// after a day.
pub(crate) const UNUSED_IMAGES_MAX: u32 = 50;

/// How long a browser may keep an image it was allowed to see.
const CACHED: &str = "private, max-age=3600";

/// An image opened by itself runs nothing and loads nothing.
const POLICY: &str = "default-src 'none'; sandbox";

pub(crate) async fn chat_thread_upload_chat_image(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked = asked(&service, &context).await?;
    may_write(&service, asked.clone()).await?;
    let bytes = context.body().clone();
    if bytes.len() > service.settings.image_bytes_max {
        let message = format!("An image has at most {} bytes.", service.settings.image_bytes_max);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "ImageSizeExceeded", message));
    }
    let name = file_name(&context)?;
    let picture = picture::inspect(bytes.clone(), service.settings.image_pixels_max).await?;
    let id = service.entropy.uuid().to_string();
    let Asked { resource, thread, caller } = asked;
    let url = convert::thread_url(&context, &thread);
    let row = ImageRow {
        id: id.clone(),
        thread: ThreadNumber(0),
        uploader: caller.person,
        message: None,
        name: name.clone(),
        has_small: picture.small.is_some(),
        created_at: context.now,
    };
    let thread: ThreadNumber = service
        .store
        .write(key(resource, &thread), move |tx| {
            let (view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            if image_rows::count_unused(tx, caller.person)? >= UNUSED_IMAGES_MAX {
                return Err(ChatError::TooManyUnusedImages { images_max: UNUSED_IMAGES_MAX });
            }
            image_rows::insert_image(tx, &ImageRow { thread: view.number, ..row.clone() })?;
            Ok(view.number)
        })
        .await?;
    put_whatever_the_client_does(&service, thread, &id, bytes, picture.small).await?;
    let result = UploadChatImageResult {
        id: id.clone(),
        attachment_type: Some(ChatAttachmentType::Image),
        name: Some(name).filter(|name| !name.is_empty()),
    };
    Ok(Reply::json(StatusCode::CREATED, &result)
        .with_header(header::LOCATION, &format!("{url}/images/{id}/views/original")))
}

/// Refuses an upload before it is decoded.
async fn may_write(service: &ChatService, asked: Asked) -> Result<(), ChatError> {
    let Asked { resource, thread, caller } = asked;
    service.store.read(move |tx| access::enter(tx, resource, &thread, &caller, Wanted::Write).map(drop)).await
}

/// The name the file has at the client; empty for none.
fn file_name(context: &Context) -> Result<String, ApiError> {
    let name = context.header("image-filename").unwrap_or_default().trim();
    if name.chars().count() > DISPLAY_NAME_CHARS_MAX {
        let message = format!("image-filename has more than {DISPLAY_NAME_CHARS_MAX} characters.");
        return Err(ApiError::invalid("image-filename", message));
    }
    Ok(name.to_owned())
}

/// Puts the blobs of an image whose row is there, in a task of its own: a handler ends in the middle when its client
/// goes away.
///
/// The row comes before the blobs, so whatever is interrupted leaves an image that nobody used, and goes like one.
async fn put_whatever_the_client_does(
    service: &Arc<ChatService>,
    thread: ThreadNumber,
    id: &str,
    whole: Bytes,
    small: Option<Bytes>,
) -> Result<(), ChatError> {
    let (tell, told) = oneshot::channel();
    let (own, id) = (Arc::clone(service), id.to_owned());
    service.tasks.spawn_quiet(async move {
        // Nobody listens when the client went away.
        let _ = tell.send(put(&own, thread, &id, whole, small).await);
    });
    told.await.unwrap_or_else(|_| Err(ApiError::unavailable("The server is stopping; try again.").into()))
}

/// Puts the blobs of an image, and takes them back if it was erased meanwhile.
///
/// **Errors**: the folder's, the store's; the image is not there any more.
pub(crate) async fn put(
    service: &ChatService,
    thread: ThreadNumber,
    id: &str,
    whole: Bytes,
    small: Option<Bytes>,
) -> Result<(), ChatError> {
    service.blobs.put(&image_rows::original_blob(id), whole).await?;
    if let Some(small) = small {
        service.blobs.put(&image_rows::small_blob(id), small).await?;
    }
    let wanted = id.to_owned();
    let found: Option<ImageRow> = service
        .store
        .read(move |tx| Ok::<_, ChatError>(image_rows::find_image(tx, thread, &wanted)?))
        .await?;
    if found.is_some() {
        return Ok(());
    }
    service.blobs.delete(&image_rows::original_blob(id)).await?;
    service.blobs.delete(&image_rows::small_blob(id)).await?;
    Err(ChatError::ImageNotFound)
}

pub(crate) async fn chat_thread_get_chat_image(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let is_small = match context.path("imageViewType") {
        "original" => false,
        "small" => true,
        _ => return Err(ApiError::invalid("imageViewType", "The view must be original or small.")),
    };
    let id = context.path("imageId").to_owned();
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let image: ImageRow = service
        .store
        .read(move |tx| {
            let (view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Read)?;
            visible(tx, &view, &window, &caller, &id)
        })
        .await?;
    let blob = if is_small && image.has_small {
        image_rows::small_blob(&image.id)
    } else {
        image_rows::original_blob(&image.id)
    };
    let bytes = service.blobs.get(&blob).await.map_err(|failure| match failure {
        // Deleted since the row was read.
        BlobError::NotFound(_) => ChatError::ImageNotFound,
        failure => ChatError::Blobs(failure),
    })?;
    let media_type = picture::media_type(&bytes).unwrap_or("application/octet-stream");
    let disposition = format!("inline; filename*=UTF-8''{}", encode(&image.name));
    Ok(Reply::bytes(StatusCode::OK, media_type, bytes)
        .with_header(header::CACHE_CONTROL, CACHED)
        .with_header(header::CONTENT_DISPOSITION, &disposition)
        .with_header(header::CONTENT_SECURITY_POLICY, POLICY)
        .with_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with_header(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"))
}

/// An image that the caller sees: of a message they see, or not used yet and their own.
fn visible(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    window: &Window,
    caller: &Caller,
    id: &str,
) -> Result<ImageRow, ChatError> {
    let image = image_rows::find_image(tx, view.number, id)?.ok_or(ChatError::ImageNotFound)?;
    let is_visible = match image.message {
        None => image.uploader == caller.person,
        Some(number) => {
            find_by_number(tx, view.number, number)?.is_some_and(|message| window.shows(&message))
        }
    };
    if is_visible { Ok(image) } else { Err(ChatError::ImageNotFound) }
}

pub(crate) async fn chat_thread_delete_chat_image(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = context.path("imageId").to_owned();
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let image = visible(tx, &view, &window, &caller, &id)?;
            if image.uploader != caller.person {
                return Err(ChatError::NotTheUploader);
            }
            let Some(number) = image.message else {
                image_rows::discard(tx, view.number, &id)?;
                deletion::schedule_images(tx, resource, context.now)?;
                return Ok(None);
            };
            // Whoever sees the message is told that it has an image less.
            let message = find_by_number(tx, view.number, number)?.ok_or(ChatError::ImageNotFound)?;
            let left = message.attachments.iter().filter(|attached| attached.id != id);
            let edit = Edit { images: Some(left.map(|left| left.id.clone()).collect()), ..Edit::default() };
            let (_, committed) = changes::edit_message(tx, &mut view, &message, &edit, context.now)?;
            Ok(Some(committed))
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
