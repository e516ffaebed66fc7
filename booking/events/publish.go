package events

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cloudevents/sdk-go/v2/event"

	"frontrow/booking"
	"frontrow/internal/flow"
)

// Publish is the listener that tells other services over the bus of the URL: a message
// an event, with the event's id, its body a CloudEvent. It connects when there is
// something to publish; a bus that is away is a delivery that failed, and nothing
// else. It returns an error for a URL that names no bus; see CheckBus.
func Publish(busURL, source string) (Listener, error) {
	b, err := parseBus(busURL)
	if err != nil {
		return Listener{}, fmt.Errorf("the bus %w", err)
	}
	to := &lazyPublisher{bus: b}
	return Listener{
		Name:    "publish",
		Types:   outwardTypes,
		Timeout: 15 * time.Second, // several times busPatience
		Handle: func(ctx context.Context, e booking.Event) error {
			c, err := cloudEvent(source, e)
			if err != nil {
				return Permanent(err)
			}
			body, err := json.Marshal(c)
			if err != nil {
				return Permanent(err)
			}
			m := message.NewMessage(e.ID, body)
			m.Metadata.Set("content-type", event.ApplicationCloudEventsJSON)
			m.Metadata.Set(subjectKey, e.Subject)
			if parent := flow.Parent(ctx); parent != "" {
				m.Metadata.Set(flow.Header, parent)
			}
			return to.publish(ctx, m)
		},
		Close: to.close,
	}, nil
}
