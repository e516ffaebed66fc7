package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"frontrow/booking"
	"frontrow/internal/gate"
	"frontrow/queue"
)

// The problems that requests run into by themselves; the catalogue below has
// those that the queue and the sale know.
var (
	malformed        = &problem{status: 400, code: "malformed", detail: "The body is not JSON."}
	tokenRequired    = &problem{status: 401, code: "token_required", detail: "Nothing says who is asking: send the queue token, or the cookie."}
	tokenInvalid     = &problem{status: 401, code: "token_invalid", detail: "This queue token is not one of ours for this show."}
	placeMoved       = &problem{status: 401, code: "place_moved", detail: "Your place has moved to another device: this one no longer has it."}
	passRequired     = &problem{status: 401, code: "pass_required", detail: "This needs the pass of an admitted visitor."}
	passInvalid      = &problem{status: 401, code: "pass_invalid", detail: "This pass is not one of ours for this show."}
	adminRequired    = &problem{status: 401, code: "admin_required", detail: "This needs the admin token."}
	customerInvalid  = &problem{status: 401, code: "customer_invalid", detail: "The shop did not sign this for us, or for a time that is past: sign in there again."}
	paymentDeclined  = &problem{status: 422, code: "payment_declined", detail: "The payment was declined, and nothing was charged. The seats are still held: try another card."}
	signatureInvalid = &problem{status: 401, code: "signature_invalid", detail: "This is not signed as it must be, or was signed too long ago."}
	formInvalid      = &problem{status: 403, code: "form_invalid", detail: "This form was not made for this visitor: allow cookies, load the page anew and try again."}
	banned           = refusal(gate.Banned)
	passExpired      = &problem{status: 403, code: "pass_expired", detail: "The admission behind this pass has ended."}
	showNotFound     = &problem{status: 404, code: "show_not_found", detail: "There is no show of that name."}
	notFound         = &problem{status: 404, code: "not_found", detail: "There is nothing here."}
	tooLarge         = &problem{status: 413, code: "too_large", detail: "The body is too large."}
	invalid          = &problem{status: 422, code: "invalid", detail: "Some fields cannot be as they are."}
	tooMany          = &problem{status: 429, code: "too_many_requests", detail: "Too many requests: please wait a moment. No place is lost by it.", retryAfter: time.Second}
	unavailable      = &problem{status: 503, code: "unavailable", detail: "Please try again in a moment.", retryAfter: time.Second}
	internal         = &problem{status: 500, code: "internal", detail: "Something went wrong on our side."}
	noPlace          = notFound.because("You have no place in this queue: join first.")
	noDraw           = notFound.because("This show does not open by draw.")
	noDraft          = notFound.because("There is no draft of a theme to publish.")
	noTickets        = &problem{status: 409, code: "not_paid", detail: "This order is not paid: it has no tickets."}
	deviceInUse      = &problem{status: 409, code: "device_in_use", detail: "Something was bought here, or is held, or the wallet is not empty, and it would be out of reach: use another browser, or a private window."}
	mustWait         = &problem{status: 401, code: "waiting", detail: "There is a queue before this."}
	proxyNotTrusted  = &problem{status: 403, code: "proxy_not_trusted", detail: "Only proxies that FRONTROW_TRUSTED_PROXIES names may ask this."}
	cookieNeedsProof = tokenRequired.because("A cookie alone authorises no write: send the header X-Frontrow: 1 as well.")
)

// catalogue maps what the queue and the sale refuse to what the visitor is told.
// A test fails for a sentinel of theirs that it lacks.
var catalogue = []struct {
	err  error
	tell *problem
}{
	{queue.ErrNoRoom, showNotFound},
	{queue.ErrNoPlace, noPlace},
	{queue.ErrClosed, &problem{status: 409, code: "queue_closed", detail: "The queue of this show is not open."}},
	{queue.ErrFull, &problem{status: 503, code: "queue_full", detail: "The queue is full just now.", retryAfter: 30 * time.Second}},
	{queue.ErrSoldOut, &problem{status: 409, code: "sold_out", detail: "Everything is sold."}},
	{queue.ErrCustomerRequired, &problem{status: 401, code: "customer_required", detail: "Places of this show are for customers of the shop: sign in there first."}},
	{queue.ErrNotWaiting, &problem{status: 409, code: "not_waiting", detail: "Only somebody who waits in line, and is there at the moment, can be called before their turn."}},
	{queue.ErrNotSoldOut, &problem{status: 409, code: "not_sold_out", detail: "Seats are still to be had: there is a waiting list only once all are sold."}},
	{queue.ErrProofRequired, &problem{status: 403, code: "proof_required", detail: "A new place costs a little work just now: solve a challenge, and join with the proof."}},
	{queue.ErrProofInvalid, &problem{status: 403, code: "proof_invalid", detail: "This proof solves no challenge of this show, or one that is past its time."}},
	{queue.ErrProofSpent, &problem{status: 409, code: "proof_spent", detail: "This proof has given somebody a place: solve another challenge."}},
	{queue.ErrCodeInvalid, refusal(gate.CodeInvalid)},
	{queue.ErrCodeSpent, refusal(gate.CodeSpent)},
	{queue.ErrPlaceExpired, &problem{status: 410, code: "place_expired", detail: "The queue was started anew: please join again."}},
	{queue.ErrNotInside, passExpired},
	{queue.ErrCodeUnknown, &problem{status: 404, code: "code_unknown", detail: "There is no such code for this show."}},
	{queue.ErrCodeExpired, &problem{status: 410, code: "code_expired", detail: "This code is past its time: ask for another where the place is."}},
	{queue.ErrCodeUsed, &problem{status: 409, code: "code_used", detail: "A place was moved with this code already: each is good for once."}},
	{queue.ErrProlonged, &problem{status: 409, code: "already_prolonged", detail: "The time was prolonged before: it is once."}},
	{queue.ErrNotProlongable, &problem{status: 409, code: "not_prolongable", detail: "There is no more time to be had for this show."}},
	{queue.ErrTokenInvalid, tokenInvalid},
	{queue.ErrPassInvalid, passInvalid},
	{queue.ErrPassExpired, passExpired},

	{booking.ErrShowNotFound, showNotFound},
	{booking.ErrShowExists, invalidField("show", "is taken by another show")},
	{booking.ErrShowInUse, invalidField("show", "must be a draft or closed, and must not have sold anything")},
	{booking.ErrLayoutInUse, invalidField("sections", "cannot change once a seat was held or sold")},
	{booking.ErrContended, unavailable.because("Somebody else is changing this show.")},
	{booking.ErrChanged, &problem{status: 412, code: "changed_meanwhile", detail: "Somebody else has changed this show since: read it again."}},
	{booking.ErrNotOnSale, &problem{status: 409, code: "not_on_sale", detail: "This show is not on sale."}},
	{booking.ErrTooLate, passExpired},
	{booking.ErrSeatsShort, &problem{status: 409, code: "seats_taken", detail: "Not so many seats are free there just now; some that are held may come back."}},
	{booking.ErrSoldOut, &problem{status: 409, code: "sold_out", detail: "Not so many seats are left there."}},
	{booking.ErrNotYours, &problem{status: 403, code: "not_yours", detail: "This belongs to somebody else."}},
	{booking.ErrHoldNotFound, &problem{status: 404, code: "hold_not_found", detail: "There is no such hold."}},
	{booking.ErrHoldExpired, &problem{status: 409, code: "hold_expired", detail: "The hold is over: the seats may be somebody else's by now."}},
	{booking.ErrAlreadyPaid, &problem{status: 409, code: "already_paid", detail: "This hold is paid already."}},
	{booking.ErrNoDraw, noDraw},
	{booking.ErrBeaconNotDue, &problem{status: 409, code: "beacon_not_due", detail: "A beacon is taken between the freeze of the lobby and the draw, once, and only if one was announced."}},
	{booking.ErrPaymentUnderWay, &problem{status: 409, code: "payment_under_way", detail: "A payment for this hold is under way: ask for its order.", retryAfter: time.Second}},
	{booking.ErrNoCards, invalidField("payment.method", "must be wallet: no cards are taken here")},
	{booking.ErrNotPaid, &problem{status: 409, code: "not_paid", detail: "This order is not paid: there is nothing to cancel."}},
	{booking.ErrCancelTooLate, &problem{status: 409, code: "cancel_too_late", detail: "Orders of this show can no longer be cancelled."}},
	{booking.ErrOrderNotFound, &problem{status: 404, code: "order_not_found", detail: "There is no such order."}},
	{booking.ErrNoDeadLetter, notFound.because("There is no such dead letter.")},
	{booking.ErrTooManyBans, &problem{status: 409, code: "too_many_bans", detail: "As many visitors are banned from this show as may be: lift a ban first, or ask for customers who sign in."}},
	{booking.ErrPictureNotFound, notFound.because("There is no such picture.")},
	{booking.ErrUnreadable, internal},
	{booking.ErrInsufficientPoints, &problem{status: 422, code: "insufficient_points", detail: "The wallet has not enough points."}},
	{booking.ErrIdempotencyMismatch, &problem{status: 422, code: "idempotency_mismatch", detail: "This Idempotency-Key was used for another request."}},
	{booking.ErrUnavailable, unavailable},
	{booking.ErrSchemaBehind, unavailable},
	{context.DeadlineExceeded, unavailable},
	{context.Canceled, unavailable},
}

func problemFor(err error) *problem {
	var down *queue.UnavailableError
	if errors.As(err, &down) {
		p := *unavailable
		p.retryAfter = down.RetryAfter
		return &p
	}
	var often *queue.TooManyError
	if errors.As(err, &often) {
		p := *tooMany
		p.retryAfter = often.RetryAfter
		return &p
	}
	var rules queue.RulesError
	var fields *booking.InvalidError
	var unknown *booking.UnknownSeatError
	var many *booking.TooManySeatsError
	var taken *booking.SeatsTakenError
	switch {
	case errors.As(err, &rules):
		errs := make([]fieldError, len(rules))
		for i, f := range rules {
			errs[i] = fieldError{f.Field, f.Reason}
		}
		return invalid.with("errors", errs)
	case errors.As(err, &fields):
		return invalid.with("errors", fields.Fields)
	case errors.As(err, &unknown):
		return (&problem{status: 422, code: "unknown_seat", detail: "The show has no such seat."}).with("seats", unknown.Seats)
	case errors.As(err, &many):
		p := (&problem{status: 422, code: "too_many_seats", detail: "Held and paid seats together would exceed the show's limit."}).with("limit", many.Limit)
		if many.Have > 0 {
			p = p.with("have", many.Have)
		}
		return p
	case errors.As(err, &taken):
		return (&problem{status: 409, code: "seats_taken", detail: "Somebody else has taken " + strings.Join(taken.Seats, ", ") + "."}).with("taken", taken.Seats)
	}
	for _, entry := range catalogue {
		if errors.Is(err, entry.err) {
			return entry.tell
		}
	}
	return internal
}

type fieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func invalidField(field, reason string) *problem {
	return invalid.with("errors", []fieldError{{field, reason}})
}
