//! The fields of each payload against the published models (`EventGrid.SystemEvents`, 2018-01-01 with the additions
//! of the SDKs); `!` marks those that clients rely on.

pub(crate) const FIELDS: &[(&str, &str)] = &[
    (
        "AdvancedMessageDeliveryStatusUpdated",
        "channelType! error from! messageId! receivedTimestamp status! to!",
    ),
    (
        "AdvancedMessageReceived",
        "button channelType content context error from! interactive media messageId messageType! reaction receivedTimestamp to!",
    ),
    (
        "CallEnded",
        "callDurationInSeconds! correlationId! endedBy group isRoomsCall isTwoParty reason room serverCallId! startedBy",
    ),
    (
        "CallParticipantAdded",
        "correlationId! displayName! group isRoomsCall isTwoParty participantId! room serverCallId! startedBy user! userAgent!",
    ),
    (
        "CallParticipantRemoved",
        "correlationId! displayName! group isRoomsCall isTwoParty participantId! room serverCallId! startedBy user! userAgent!",
    ),
    ("CallStarted", "correlationId! group isRoomsCall isTwoParty room serverCallId! startedBy"),
    (
        "ChatAzureBotCommandReceivedInThread",
        "composeTime messageBody! messageId! metadata senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatMessageDeleted",
        "composeTime deleteTime! messageId! recipientCommunicationIdentifier! senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatMessageDeletedInThread",
        "composeTime deleteTime! messageId! senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatMessageEdited",
        "composeTime editTime messageBody! messageId! metadata recipientCommunicationIdentifier! senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatMessageEditedInThread",
        "composeTime editTime messageBody! messageId! metadata senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatMessageReceived",
        "composeTime messageBody! messageId! metadata! recipientCommunicationIdentifier! senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatMessageReceivedInThread",
        "composeTime messageBody! messageId! metadata senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "ChatParticipantAddedToThreadWithUser",
        "addedByCommunicationIdentifier! createTime! participantAdded! recipientCommunicationIdentifier! threadId! time transactionId! version!",
    ),
    (
        "ChatParticipantRemovedFromThreadWithUser",
        "createTime! participantRemoved! recipientCommunicationIdentifier! removedByCommunicationIdentifier! threadId! time transactionId! version!",
    ),
    (
        "ChatThreadCreated",
        "createTime! createdByCommunicationIdentifier! metadata participants! properties! threadId! transactionId! version!",
    ),
    (
        "ChatThreadCreatedWithUser",
        "createTime! createdByCommunicationIdentifier! metadata participants! properties! recipientCommunicationIdentifier! threadId! transactionId! version!",
    ),
    (
        "ChatThreadDeleted",
        "createTime! deleteTime deletedByCommunicationIdentifier! threadId! transactionId! version!",
    ),
    (
        "ChatThreadParticipantAdded",
        "addedByCommunicationIdentifier! participantAdded! threadId! time transactionId! version",
    ),
    (
        "ChatThreadParticipantRemoved",
        "participantRemoved! removedByCommunicationIdentifier! threadId! time transactionId! version",
    ),
    (
        "ChatThreadPropertiesUpdated",
        "createTime! editTime editedByCommunicationIdentifier! metadata! properties! threadId! transactionId! version!",
    ),
    (
        "ChatThreadPropertiesUpdatedPerUser",
        "createTime! editTime editedByCommunicationIdentifier! metadata properties! recipientCommunicationIdentifier! threadId! transactionId! version!",
    ),
    (
        "ChatThreadWithUserDeleted",
        "createTime! deleteTime deletedByCommunicationIdentifier! recipientCommunicationIdentifier! threadId! transactionId! version!",
    ),
    (
        "ChatTypingIndicatorReceivedInThread",
        "composeTime messageBody! messageId! metadata senderCommunicationIdentifier! senderDisplayName threadId! transactionId! type! version",
    ),
    (
        "EmailDeliveryReportReceived",
        "deliveryAttemptTimestamp deliveryStatusDetails internetMessageId! messageId recipient! sender! status",
    ),
    (
        "EmailEngagementTrackingReportReceived",
        "engagementContext! engagementType! messageId! recipient! sender! userActionTimestamp! userAgent!",
    ),
    (
        "IncomingCall",
        "callerDisplayName! correlationId! customContext from! incomingCallContext! onBehalfOfCallee serverCallId! to!",
    ),
    (
        "RecordingFileStatusUpdated",
        "recordingChannelType recordingContentType recordingDurationMs recordingFormatType recordingStartTime recordingStorageInfo! sessionEndReason",
    ),
    (
        "RouterJobCancelled",
        "channelId! channelReference! dispositionCode! jobId! labels! note! queueId tags!",
    ),
    (
        "RouterJobClassificationFailed",
        "channelId! channelReference! classificationPolicyId! errors! jobId! labels! queueId tags!",
    ),
    (
        "RouterJobClassified",
        "attachedWorkerSelectors! channelId! channelReference! classificationPolicyId! jobId! labels! priority! queueDetails! queueId tags!",
    ),
    (
        "RouterJobClosed",
        "assignmentId! channelId! channelReference! dispositionCode! jobId! labels! queueId tags! workerId!",
    ),
    (
        "RouterJobCompleted",
        "assignmentId! channelId! channelReference! jobId! labels! queueId tags! workerId!",
    ),
    ("RouterJobDeleted", "channelId! channelReference! jobId! labels! queueId tags!"),
    (
        "RouterJobExceptionTriggered",
        "channelId! channelReference! exceptionRuleId! jobId! labels! queueId ruleKey! tags!",
    ),
    (
        "RouterJobQueued",
        "attachedWorkerSelectors! channelId! channelReference! jobId! labels! priority! queueId requestedWorkerSelectors! tags!",
    ),
    (
        "RouterJobReceived",
        "channelId! channelReference! classificationPolicyId jobId! jobStatus labels! priority queueId requestedWorkerSelectors scheduledOn tags! unavailableForMatching!",
    ),
    (
        "RouterJobSchedulingFailed",
        "channelId! channelReference! expiredAttachedWorkerSelectors! expiredRequestedWorkerSelectors! failureReason! jobId! labels! priority! queueId scheduledOn! tags!",
    ),
    (
        "RouterJobUnassigned",
        "assignmentId! channelId! channelReference! jobId! labels! queueId tags! workerId!",
    ),
    (
        "RouterJobWaitingForActivation",
        "channelId! channelReference! expiredAttachedWorkerSelectors expiredRequestedWorkerSelectors jobId! labels! priority queueId scheduledOn tags! unavailableForMatching!",
    ),
    (
        "RouterJobWorkerSelectorsExpired",
        "channelId! channelReference! expiredAttachedWorkerSelectors! expiredRequestedWorkerSelectors! jobId! labels! queueId tags!",
    ),
    ("RouterWorkerDeleted", "channelId! channelReference! jobId! workerId!"),
    ("RouterWorkerDeregistered", "workerId!"),
    (
        "RouterWorkerOfferAccepted",
        "assignmentId! channelId! channelReference! jobId! jobLabels! jobPriority! jobTags! offerId! queueId! workerId! workerLabels! workerTags!",
    ),
    ("RouterWorkerOfferDeclined", "channelId! channelReference! jobId! offerId! queueId! workerId!"),
    ("RouterWorkerOfferExpired", "channelId! channelReference! jobId! offerId! queueId! workerId!"),
    (
        "RouterWorkerOfferIssued",
        "channelId! channelReference! expiresOn! jobId! jobLabels! jobPriority! jobTags! offerId! offeredOn! queueId! workerId! workerLabels! workerTags!",
    ),
    ("RouterWorkerOfferRevoked", "channelId! channelReference! jobId! offerId! queueId! workerId!"),
    (
        "RouterWorkerRegistered",
        "channelConfigurations! labels! queueAssignments! tags! totalCapacity! workerId!",
    ),
    (
        "RouterWorkerUpdated",
        "channelConfigurations! labels! queueAssignments! tags! totalCapacity! updatedWorkerProperties! workerId!",
    ),
    (
        "SMSDeliveryReportReceived",
        "deliveryAttempts! deliveryStatus! deliveryStatusDetails! from! messageId! receivedTimestamp tag to!",
    ),
    ("SMSReceived", "from! message! messageId! receivedTimestamp segmentCount! to!"),
    ("UserDisconnected", "userCommunicationIdentifier!"),
];
