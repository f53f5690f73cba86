/*
 * plant: known mistakes that the simulator must find.
 *
 * In the product HA_PLANT() is the constant false.  The simulator's own build
 * of the core defines HA_PLANTED; there one mistake can be switched on per
 * core.  A simulator that finds none of them proves nothing.
 */
#ifndef HA_CORE_PLANT_H
#define HA_CORE_PLANT_H

enum ha_plant {
	HA_PLANT_NONE,
	HA_PLANT_CURSOR_AS_COMPLETE,  /* announces the cursor as complete */
	HA_PLANT_RESUME_FROM_CURSOR,  /* at another source, from the cursor */
	HA_PLANT_SWEEP_WITHOUT_LIMBO, /* what a walk misses is removed */
	HA_PLANT_NO_FRESH_REPLICA,    /* keeps its entry on losing a session */
	HA_PLANT_CLAIM_UNASKED,       /* claims at once what it sees touched */
	HA_PLANT_FLOOR_IGNORED,       /* serves a walk from below the floor */
	HA_PLANT_STALE_WALK,          /* applies batches of a replaced walk */
	HA_PLANT_ECHO_IGNORED,        /* any keepalive keeps a link up */
	HA_PLANT_END_BY_ANYBODY,      /* a non-owner publishes an end */
	HA_PLANT_TIE_REVERSED,        /* odd members let the higher index win */
	HA_PLANT_LEFT_FORGOTTEN,      /* yields without a word in its feed */
	HA_PLANT_GAP_IGNORED,         /* applies a batch from anywhere */
	HA_PLANT_RESURRECT,           /* forgets what has ended */
	HA_PLANT_RESTART_PUBLISHES,   /* publishes all its old boot owned */
	HA_PLANT_LAST_GATE,           /* who failed closes the last gate, too */
	HA_PLANT_MAX,
};

#ifdef HA_PLANTED

struct ha_core;

/* Switch one mistake on in one core. */
void ha_core_plant(struct ha_core *c, enum ha_plant plant);

/* As in the enumeration: lower case, dashes. */
const char *ha_plant_name(enum ha_plant plant);

#define HA_PLANT(c, which) ((c)->plant == (which))
#else
#define HA_PLANT(c, which) ((void)(c), 0)
#endif

#endif /* HA_CORE_PLANT_H */
