package events

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"frontrow/booking"
)

// exportBatch is how many events the data platform is sent at once.
const exportBatch = 100

// Export is the listener that tells the data platform, in batches of CloudEvents over
// HTTP. source says where they come from.
func Export(url, source string) Listener {
	to := newService(url)
	return Listener{
		Name:    "export",
		Types:   outwardTypes,
		Timeout: 10 * time.Second,
		HandleBatch: func(ctx context.Context, events []booking.Event) []error {
			return export(ctx, to, source, events)
		},
		Batch:   exportBatch,
		Workers: 2,
		Close:   to.close,
	}
}

// export sends events together. If the platform refuses them for good, one of them may
// be why, and the others must not pay for it: each is sent by itself.
func export(ctx context.Context, to service, source string, events []booking.Event) []error {
	err := exportAll(ctx, to, source, events)
	if len(events) == 1 || !hopeless(err) {
		return forAll(events, err)
	}
	errs := make([]error, len(events))
	for i := range events {
		if errs[i] = ctx.Err(); errs[i] == nil {
			errs[i] = exportAll(ctx, to, source, events[i:i+1])
		}
	}
	return errs
}

func exportAll(ctx context.Context, to service, source string, events []booking.Event) error {
	var batch []event.Event
	var unreadable error
	for _, e := range events {
		c, err := cloudEvent(source, e)
		unreadable = errors.Join(unreadable, err)
		batch = append(batch, c)
	}
	if unreadable != nil {
		return unreadable
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return Permanent(err)
	}
	return to.post(ctx, event.ApplicationCloudEventsBatchJSON, nil, body)
}
