/*
 * err: the error codes and compiler marks that every ring shares.
 *
 * A function that can fail returns int: 0 or one of the negative codes below.
 * errno and the codes of libraries are translated where they arise.
 */
#ifndef HA_BASE_ERR_H
#define HA_BASE_ERR_H

#define HA_MUST_USE           __attribute__((warn_unused_result))
#define HA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define HA_NORETURN           __attribute__((noreturn))

enum ha_err {
	HA_OK = 0,
	HA_ERR_NOMEM = -1,   /* no memory */
	HA_ERR_INVAL = -2,   /* a value that is not allowed here */
	HA_ERR_EXISTS = -3,  /* taken already */
	HA_ERR_ABSENT = -4,  /* no such thing */
	HA_ERR_FULL = -5,    /* a fixed limit is reached */
	HA_ERR_STALE = -6,   /* of an earlier walk, connection or boot */
	HA_ERR_CORRUPT = -7, /* data that no version of us can have written */
	HA_ERR_NEWER = -8,   /* data of a release newer than this one */
	HA_ERR_IO = -9,      /* the system refused a read or a write */
	HA_ERR_PERM = -10,   /* no rights */
	HA_ERR_AUTH = -11,   /* not from whom it claims to be */
	HA_ERR_AGAIN = -12,  /* not now: try again later */
	HA_ERR_SHORT = -13,  /* more bytes are needed */
	HA_ERR_CONFIG = -14, /* the operator's file is wrong */
	HA_ERR_UNSUPPORTED = -15, /* this kernel or host can't */
	HA_ERR_LOST = -16,   /* events were lost on the way */
};

/* A few words for a log line; never NULL, also for an unknown code. */
const char *ha_err_text(int err);

#endif /* HA_BASE_ERR_H */
