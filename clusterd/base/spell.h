/*
 * spell: which word somebody may have meant.
 */
#ifndef HA_BASE_SPELL_H
#define HA_BASE_SPELL_H

/* Letters to insert, remove or change to get from one word to the other.
 * Words of more than 31 letters are far from everything. */
unsigned int ha_spell_distance(const char *a, const char *b);

/* From this distance on it is another word, no slip. */
unsigned int ha_spell_limit(const char *word);

#endif /* HA_BASE_SPELL_H */
