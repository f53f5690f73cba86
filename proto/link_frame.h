/*
 * link_frame: what the two ends of a connection say about the connection.
 *
 * The kinds 1 to 15 of the frames in doc/wire.md; from 16 on they are the
 * core's messages (proto/codec.h).  A kind that is not known is passed over.
 */
#ifndef HA_PROTO_LINK_FRAME_H
#define HA_PROTO_LINK_FRAME_H

#define HA_LINK_FRAME_MAX 15

/* Numbers on the wire: never change one. */
enum ha_link_frame {
	HA_LINK_FRAME_RENEW = 1,    /* responder: shake hands anew, please */
	HA_LINK_FRAME_GREETING = 2, /* my greeting has changed */
};

#endif /* HA_PROTO_LINK_FRAME_H */
