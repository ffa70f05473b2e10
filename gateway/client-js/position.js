/**
 * Where a client stands in one channel, and what an event means from there.
 *
 * Pure: knows no socket.  Events of one epoch have consecutive offsets, so a
 * number that was skipped is an event that was missed, unless the
 * subscription filters.
 */

/** What to do about an event. */
export const TAKE = 'take';
export const SEEN = 'seen';
export const GAP = 'gap';

export class Position {
	/** `at` is null until the server has said where the channel stands. */
	constructor(at = null) {
		this.at = at;
		/* The offset before which a gap was asked for once already. */
		this.asked = null;
	}

	/** An event's meaning; nothing is changed. */
	judge(event, filtered) {
		const { epoch, offset } = event;

		if (offset === 0 || this.at === null)
			return TAKE;
		if (epoch !== this.at.epoch) {
			const first = this.at.offset === 0 && (offset === 1 || filtered);
			return first ? TAKE : GAP;
		}
		if (offset <= this.at.offset)
			return SEEN;
		return offset > this.at.offset + 1 && !filtered ? GAP : TAKE;
	}

	/** Has been told this event; one that is kept nowhere moves nothing. */
	take(event) {
		if (event.offset !== 0)
			this.move(event);
	}

	move({ epoch, offset }) {
		this.at = { epoch, offset };
		this.asked = null;
	}

	/** Asks once for what is missing at this place; false: asked before. */
	ask(event) {
		const key = `${event.epoch}/${event.offset}`;

		if (this.asked === key)
			return false;
		this.asked = key;
		return true;
	}
}
