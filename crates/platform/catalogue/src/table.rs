//! The table of the published event types.

use crate::calling::{CallEnded, CallParticipantAdded, CallParticipantRemoved, CallStarted, IncomingCall};
use crate::chat::{
    ChatAzureBotCommandReceivedInThread, ChatMessageDeleted, ChatMessageDeletedInThread, ChatMessageEdited,
    ChatMessageEditedInThread, ChatMessageReceived, ChatMessageReceivedInThread,
    ChatTypingIndicatorReceivedInThread,
};
use crate::chat_threads::{
    ChatParticipantAddedToThreadWithUser, ChatParticipantRemovedFromThreadWithUser, ChatThreadCreated,
    ChatThreadCreatedWithUser, ChatThreadDeleted, ChatThreadParticipantAdded, ChatThreadParticipantRemoved,
    ChatThreadPropertiesUpdated, ChatThreadPropertiesUpdatedPerUser, ChatThreadWithUserDeleted,
};
use crate::email::{EmailDeliveryReportReceived, EmailEngagementTrackingReportReceived};
use crate::event_type::{EventType, Family, entry};
use crate::messages::{AdvancedMessageDeliveryStatusUpdated, AdvancedMessageReceived};
use crate::presence::UserDisconnected;
use crate::recording::RecordingFileStatusUpdated;
use crate::router_jobs::{
    RouterJobCancelled, RouterJobClassificationFailed, RouterJobClassified, RouterJobClosed,
    RouterJobCompleted, RouterJobDeleted, RouterJobExceptionTriggered, RouterJobQueued, RouterJobReceived,
    RouterJobSchedulingFailed, RouterJobUnassigned, RouterJobWaitingForActivation,
    RouterJobWorkerSelectorsExpired,
};
use crate::router_workers::{
    RouterWorkerDeleted, RouterWorkerDeregistered, RouterWorkerOfferAccepted, RouterWorkerOfferDeclined,
    RouterWorkerOfferExpired, RouterWorkerOfferIssued, RouterWorkerOfferRevoked, RouterWorkerRegistered,
    RouterWorkerUpdated,
};
use crate::sms::{SmsDeliveryReportReceived, SmsReceived};

/// Every event type that is published, sorted by name.
pub static EVENT_TYPES: &[EventType] = &[
    entry::<AdvancedMessageDeliveryStatusUpdated>(
        Family::AdvancedMessaging,
        "A message of a messaging channel came further.",
        "advancedMessage/{messageId}/status/{status}",
        include_str!("../samples/AdvancedMessageDeliveryStatusUpdated.json"),
    ),
    entry::<AdvancedMessageReceived>(
        Family::AdvancedMessaging,
        "A message of a messaging channel arrived.",
        "advancedMessage/sender/{messageSender}/recipient/{channelRegistrationId}",
        include_str!("../samples/AdvancedMessageReceived.json"),
    ),
    entry::<CallEnded>(
        Family::Calling,
        "A call ended.",
        "call/{serverCallId}",
        include_str!("../samples/CallEnded.json"),
    ),
    entry::<CallParticipantAdded>(
        Family::Calling,
        "Somebody joined a call.",
        "call/{serverCallId}/participant/{participant}",
        include_str!("../samples/CallParticipantAdded.json"),
    ),
    entry::<CallParticipantRemoved>(
        Family::Calling,
        "Somebody left a call.",
        "call/{serverCallId}/participant/{participant}",
        include_str!("../samples/CallParticipantRemoved.json"),
    ),
    entry::<CallStarted>(
        Family::Calling,
        "A call began.",
        "call/{serverCallId}/startedBy/{startedBy}",
        include_str!("../samples/CallStarted.json"),
    ),
    entry::<ChatAzureBotCommandReceivedInThread>(
        Family::Chat,
        "A command for a bot was sent to a thread.",
        "thread/{threadId}/sender/{sender}",
        include_str!("../samples/ChatAzureBotCommandReceivedInThread.json"),
    ),
    entry::<ChatMessageDeleted>(
        Family::Chat,
        "A message that a user can see was deleted.",
        "thread/{threadId}/sender/{sender}/recipient/{recipient}",
        include_str!("../samples/ChatMessageDeleted.json"),
    ),
    entry::<ChatMessageDeletedInThread>(
        Family::Chat,
        "A message of a thread was deleted.",
        "thread/{threadId}/sender/{sender}",
        include_str!("../samples/ChatMessageDeletedInThread.json"),
    ),
    entry::<ChatMessageEdited>(
        Family::Chat,
        "A message that a user can see was edited.",
        "thread/{threadId}/sender/{sender}/recipient/{recipient}",
        include_str!("../samples/ChatMessageEdited.json"),
    ),
    entry::<ChatMessageEditedInThread>(
        Family::Chat,
        "A message of a thread was edited.",
        "thread/{threadId}/sender/{sender}",
        include_str!("../samples/ChatMessageEditedInThread.json"),
    ),
    entry::<ChatMessageReceived>(
        Family::Chat,
        "A user got a chat message.",
        "thread/{threadId}/sender/{sender}/recipient/{recipient}",
        include_str!("../samples/ChatMessageReceived.json"),
    ),
    entry::<ChatMessageReceivedInThread>(
        Family::Chat,
        "A message was sent to a thread.",
        "thread/{threadId}/sender/{sender}",
        include_str!("../samples/ChatMessageReceivedInThread.json"),
    ),
    entry::<ChatParticipantAddedToThreadWithUser>(
        Family::Chat,
        "Somebody was added to a thread with a user in it.",
        "thread/{threadId}/participantAdded/{participant}/recipient/{recipient}",
        include_str!("../samples/ChatParticipantAddedToThreadWithUser.json"),
    ),
    entry::<ChatParticipantRemovedFromThreadWithUser>(
        Family::Chat,
        "Somebody was removed from a thread with a user in it.",
        "thread/{threadId}/participantRemoved/{participant}/recipient/{recipient}",
        include_str!("../samples/ChatParticipantRemovedFromThreadWithUser.json"),
    ),
    entry::<ChatThreadCreated>(
        Family::Chat,
        "A thread was made.",
        "thread/{threadId}/createdBy/{createdBy}",
        include_str!("../samples/ChatThreadCreated.json"),
    ),
    entry::<ChatThreadCreatedWithUser>(
        Family::Chat,
        "A thread was made with a user in it.",
        "thread/{threadId}/createdBy/{createdBy}/recipient/{recipient}",
        include_str!("../samples/ChatThreadCreatedWithUser.json"),
    ),
    entry::<ChatThreadDeleted>(
        Family::Chat,
        "A thread was deleted.",
        "thread/{threadId}/deletedBy/{deletedBy}",
        include_str!("../samples/ChatThreadDeleted.json"),
    ),
    entry::<ChatThreadParticipantAdded>(
        Family::Chat,
        "Somebody was added to a thread.",
        "thread/{threadId}/participantadded/{participant}",
        include_str!("../samples/ChatThreadParticipantAdded.json"),
    ),
    entry::<ChatThreadParticipantRemoved>(
        Family::Chat,
        "Somebody was removed from a thread.",
        "thread/{threadId}/participantremoved/{participant}",
        include_str!("../samples/ChatThreadParticipantRemoved.json"),
    ),
    entry::<ChatThreadPropertiesUpdated>(
        Family::Chat,
        "Properties of a thread changed.",
        "thread/{threadId}/editedBy/{editedBy}",
        include_str!("../samples/ChatThreadPropertiesUpdated.json"),
    ),
    entry::<ChatThreadPropertiesUpdatedPerUser>(
        Family::Chat,
        "Properties of a thread with a user in it changed.",
        "thread/{threadId}/editedBy/{editedBy}/recipient/{recipient}",
        include_str!("../samples/ChatThreadPropertiesUpdatedPerUser.json"),
    ),
    entry::<ChatThreadWithUserDeleted>(
        Family::Chat,
        "A thread with a user in it was deleted.",
        "thread/{threadId}/deletedBy/{deletedBy}/recipient/{recipient}",
        include_str!("../samples/ChatThreadWithUserDeleted.json"),
    ),
    entry::<ChatTypingIndicatorReceivedInThread>(
        Family::Chat,
        "Somebody is typing in a thread.",
        "thread/{threadId}/sender/{sender}",
        include_str!("../samples/ChatTypingIndicatorReceivedInThread.json"),
    ),
    entry::<EmailDeliveryReportReceived>(
        Family::Email,
        "It is known what became of an email to one recipient.",
        "sender/{senderAddress}/message/{messageId}",
        include_str!("../samples/EmailDeliveryReportReceived.json"),
    ),
    entry::<EmailEngagementTrackingReportReceived>(
        Family::Email,
        "A recipient opened an email or followed a link in it.",
        "sender/{senderAddress}/message/{messageId}",
        include_str!("../samples/EmailEngagementTrackingReportReceived.json"),
    ),
    entry::<IncomingCall>(
        Family::Calling,
        "Somebody is called, and the application may answer.",
        "/caller/{caller}/recipient/{recipient}",
        include_str!("../samples/IncomingCall.json"),
    ),
    entry::<RecordingFileStatusUpdated>(
        Family::Recording,
        "Files of a recording are ready.",
        "/recording/call/{callId}/recordingId/{recordingId}",
        include_str!("../samples/RecordingFileStatusUpdated.json"),
    ),
    entry::<RouterJobCancelled>(
        Family::JobRouter,
        "A job was cancelled.",
        "job/{jobId}/channel/{channelId}/disposition/{dispositionCode}",
        include_str!("../samples/RouterJobCancelled.json"),
    ),
    entry::<RouterJobClassificationFailed>(
        Family::JobRouter,
        "A policy could not classify a job.",
        "job/{jobId}/channel/{channelId}/classificationpolicy/{classificationPolicyId}",
        include_str!("../samples/RouterJobClassificationFailed.json"),
    ),
    entry::<RouterJobClassified>(
        Family::JobRouter,
        "A policy classified a job.",
        "job/{jobId}/channel/{channelId}/queue/{queueId}",
        include_str!("../samples/RouterJobClassified.json"),
    ),
    entry::<RouterJobClosed>(
        Family::JobRouter,
        "A job was closed.",
        "job/{jobId}/channel/{channelId}/assignment/{assignmentId}",
        include_str!("../samples/RouterJobClosed.json"),
    ),
    entry::<RouterJobCompleted>(
        Family::JobRouter,
        "A worker completed a job.",
        "job/{jobId}/channel/{channelId}/assignment/{assignmentId}",
        include_str!("../samples/RouterJobCompleted.json"),
    ),
    entry::<RouterJobDeleted>(
        Family::JobRouter,
        "A job was deleted.",
        "job/{jobId}/channel/{channelId}",
        include_str!("../samples/RouterJobDeleted.json"),
    ),
    entry::<RouterJobExceptionTriggered>(
        Family::JobRouter,
        "An exception rule applied to a job.",
        "job/{jobId}/channel/{channelId}/exceptionrule/{ruleKey}",
        include_str!("../samples/RouterJobExceptionTriggered.json"),
    ),
    entry::<RouterJobQueued>(
        Family::JobRouter,
        "A job was put into a queue.",
        "job/{jobId}/channel/{channelId}/queue/{queueId}",
        include_str!("../samples/RouterJobQueued.json"),
    ),
    entry::<RouterJobReceived>(
        Family::JobRouter,
        "A job was submitted.",
        "job/{jobId}/channel/{channelId}",
        include_str!("../samples/RouterJobReceived.json"),
    ),
    entry::<RouterJobSchedulingFailed>(
        Family::JobRouter,
        "A job could not be scheduled.",
        "job/{jobId}/channel/{channelId}",
        include_str!("../samples/RouterJobSchedulingFailed.json"),
    ),
    entry::<RouterJobUnassigned>(
        Family::JobRouter,
        "A job was taken from its worker.",
        "job/{jobId}/channel/{channelId}/assignment/{assignmentId}",
        include_str!("../samples/RouterJobUnassigned.json"),
    ),
    entry::<RouterJobWaitingForActivation>(
        Family::JobRouter,
        "The time of a scheduled job has come and it waits for the application.",
        "job/{jobId}/channel/{channelId}",
        include_str!("../samples/RouterJobWaitingForActivation.json"),
    ),
    entry::<RouterJobWorkerSelectorsExpired>(
        Family::JobRouter,
        "Conditions of a job on workers are over.",
        "job/{jobId}/channel/{channelId}/queue/{queueId}",
        include_str!("../samples/RouterJobWorkerSelectorsExpired.json"),
    ),
    entry::<RouterWorkerDeleted>(
        Family::JobRouter,
        "A worker was deleted.",
        "worker/{workerId}",
        include_str!("../samples/RouterWorkerDeleted.json"),
    ),
    entry::<RouterWorkerDeregistered>(
        Family::JobRouter,
        "A worker was deregistered.",
        "worker/{workerId}",
        include_str!("../samples/RouterWorkerDeregistered.json"),
    ),
    entry::<RouterWorkerOfferAccepted>(
        Family::JobRouter,
        "A worker accepted an offer.",
        "worker/{workerId}/job/{jobId}",
        include_str!("../samples/RouterWorkerOfferAccepted.json"),
    ),
    entry::<RouterWorkerOfferDeclined>(
        Family::JobRouter,
        "A worker declined an offer.",
        "worker/{workerId}/job/{jobId}",
        include_str!("../samples/RouterWorkerOfferDeclined.json"),
    ),
    entry::<RouterWorkerOfferExpired>(
        Family::JobRouter,
        "Nobody answered an offer in time.",
        "worker/{workerId}/job/{jobId}",
        include_str!("../samples/RouterWorkerOfferExpired.json"),
    ),
    entry::<RouterWorkerOfferIssued>(
        Family::JobRouter,
        "A job was offered to a worker.",
        "worker/{workerId}/job/{jobId}",
        include_str!("../samples/RouterWorkerOfferIssued.json"),
    ),
    entry::<RouterWorkerOfferRevoked>(
        Family::JobRouter,
        "An offer was taken back.",
        "worker/{workerId}/job/{jobId}",
        include_str!("../samples/RouterWorkerOfferRevoked.json"),
    ),
    entry::<RouterWorkerRegistered>(
        Family::JobRouter,
        "A worker was registered.",
        "worker/{workerId}",
        include_str!("../samples/RouterWorkerRegistered.json"),
    ),
    entry::<RouterWorkerUpdated>(
        Family::JobRouter,
        "A worker was changed.",
        "worker/{workerId}",
        include_str!("../samples/RouterWorkerUpdated.json"),
    ),
    entry::<SmsDeliveryReportReceived>(
        Family::Sms,
        "It is known what became of an SMS.",
        "/phonenumber/{digits}",
        include_str!("../samples/SMSDeliveryReportReceived.json"),
    ),
    entry::<SmsReceived>(
        Family::Sms,
        "An SMS arrived.",
        "/phonenumber/{digits}",
        include_str!("../samples/SMSReceived.json"),
    ),
    entry::<UserDisconnected>(
        Family::Presence,
        "A user lost the last connection.",
        "user/{user}",
        include_str!("../samples/UserDisconnected.json"),
    ),
];
