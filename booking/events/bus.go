package events

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	watermillnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"golang.org/x/sync/singleflight"
)

// bus is where events are published to: a topic, and how to open a publisher, which
// answers or fails within busPatience.
type bus struct {
	topic string
	open  func() (message.Publisher, error)
}

// busPatience bounds each step of reaching a bus.
const busPatience = 3 * time.Second

// usualTopic is the stream, subject or topic where the URL names none.
const usualTopic = "frontrow"

var topicPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// CheckBus says what is wrong with the URL of a bus; see parseBus for its forms.
func CheckBus(text string) error {
	_, err := parseBus(text)
	return err
}

// parseBus reads the URL of a bus:
//
//	redis://user:pass@host:6379/0?stream=frontrow    Redis Streams
//	nats://user:pass@host:4222?stream=frontrow       NATS JetStream
//	kafka://host1:9092,host2:9092?topic=frontrow     Kafka
//
// It connects to nothing.
func parseBus(text string) (bus, error) {
	base, query, _ := strings.Cut(text, "?")
	scheme, hosts, _ := strings.Cut(base, "://")
	given, err := url.ParseQuery(query)
	if err != nil || hosts == "" {
		return bus{}, errors.New("is not a URL such as redis://host:6379/0?stream=frontrow")
	}
	name := "stream"
	if scheme == "kafka" {
		name = "topic"
	}
	b := bus{topic: usualTopic}
	for key := range given {
		if key != name {
			return bus{}, fmt.Errorf("has the parameter %q; %s:// takes %q alone", key, scheme, name)
		}
		b.topic = given.Get(key)
	}
	if !topicPattern.MatchString(b.topic) {
		return bus{}, fmt.Errorf("names the %s %q, which must match %s", name, b.topic, topicPattern)
	}
	switch scheme {
	case "redis", "rediss":
		b.open, err = redisStreams(base)
	case "nats":
		b.open = jetStream(base)
	case "kafka":
		b.open, err = kafkaTopic(strings.Split(hosts, ","))
	default:
		err = errors.New("must start with redis://, rediss://, nats:// or kafka://")
	}
	return b, err
}

// mostInStream bounds a Redis stream, about: one that nobody trims would fill the
// memory. It is more than a day of full halls, some 100 MB.
const mostInStream = 200_000

func redisStreams(text string) (func() (message.Publisher, error), error) {
	options, err := redis.ParseURL(text)
	if err != nil {
		return nil, errors.New("is not a Redis URL, such as redis://user:pass@host:6379/0")
	}
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.MaxRetries = -1 // the delivery is tried again
	options.DialerRetries = 1
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = busPatience, busPatience, busPatience
	return func() (message.Publisher, error) {
		return redisstream.NewPublisher(redisstream.PublisherConfig{
			Client: redis.NewClient(options), DefaultMaxlen: mostInStream,
		}, watermill.NopLogger{})
	}, nil
}

// jetStream makes the stream if there is none. While the connection is down nothing is
// kept for later: a delivery that failed must not arrive as well. What JetStream took
// without its answer arriving it knows again by the event's id, for two minutes.
func jetStream(text string) func() (message.Publisher, error) {
	return func() (message.Publisher, error) {
		return watermillnats.NewPublisher(watermillnats.PublisherConfig{
			URL: text,
			NatsOptions: []nats.Option{
				nats.Name("frontrow"), nats.Timeout(busPatience), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
			},
			JetStream: watermillnats.JetStreamConfig{
				AutoProvision: true, TrackMsgId: true, ConnectOptions: []nats.JSOpt{nats.MaxWait(busPatience)},
			},
		}, watermill.NopLogger{})
	}
}

func kafkaTopic(brokers []string) (func() (message.Publisher, error), error) {
	for _, b := range brokers {
		if u, err := url.Parse("kafka://" + b); err != nil || u.Port() == "" || u.Host != b {
			return nil, fmt.Errorf("names the broker %q, which must be host:port", b)
		}
	}
	config := kafka.DefaultSaramaSyncPublisherConfig()
	config.ClientID = "frontrow"
	config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = busPatience, busPatience, busPatience
	config.Metadata.Retry.Max, config.Metadata.Timeout = 1, busPatience
	config.Metadata.Retry.Backoff = 250 * time.Millisecond
	config.Producer.Retry.Max, config.Producer.Timeout = 1, busPatience
	config.Producer.RequiredAcks = sarama.WaitForAll
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return func() (message.Publisher, error) {
		return kafka.NewPublisher(kafka.PublisherConfig{
			Brokers: brokers, OverwriteSaramaConfig: config, Marshaler: kafka.NewWithPartitioningMarshaler(bySubject),
		}, watermill.NopLogger{})
	}, nil
}

// subjectKey is the metadata that names the order that an event is about.
const subjectKey = "subject"

// bySubject keeps the events of an order in one partition, and so in order.
func bySubject(_ string, m *message.Message) (string, error) { return m.Metadata.Get(subjectKey), nil }

// lazyPublisher opens its bus with the first message, and again with a later one if
// that failed. Who comes while it is being opened waits for the same attempt.
type lazyPublisher struct {
	bus
	opening singleflight.Group
	opened  atomic.Pointer[message.Publisher]
}

// publish returns once the bus has the message, or an error.
func (l *lazyPublisher) publish(ctx context.Context, m *message.Message) error {
	if l.opened.Load() == nil {
		_, err, _ := l.opening.Do("", func() (any, error) {
			if l.opened.Load() != nil {
				return nil, nil
			}
			p, err := l.open()
			if err == nil {
				l.opened.Store(&p)
			}
			return nil, err
		})
		if err != nil {
			return fmt.Errorf("open the bus: %w", err)
		}
	}
	m.SetContext(ctx)
	return (*l.opened.Load()).Publish(l.topic, m)
}

func (l *lazyPublisher) close() error {
	if p := l.opened.Load(); p != nil {
		return (*p).Close()
	}
	return nil
}
