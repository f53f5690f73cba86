#include "tests/unit/kept_message.h"

void
keep_message(struct kept_message *k, const struct ha_message *m)
{
	const struct ha_msg_batch *b = &m->u.batch;

	k->message = *m;
	if (m->kind != HA_MSG_BATCH)
		return;
	for (int i = 0; i < b->n_entries; i++) {
		k->entries[i] = b->entries[i];
		if (b->entries[i].extra != NULL)
			k->extras[i] = *b->entries[i].extra;
	}
}

const struct ha_message *
kept_message(struct kept_message *k)
{
	struct ha_msg_batch *b = &k->message.u.batch;

	if (k->message.kind != HA_MSG_BATCH)
		return &k->message;
	for (int i = 0; i < b->n_entries; i++)
		if (k->entries[i].extra != NULL)
			k->entries[i].extra = &k->extras[i];
	b->entries = k->entries;
	return &k->message;
}
