package events

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	watermillnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cloudevents/sdk-go/v2/event"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"frontrow/booking"
	"frontrow/internal/testenv"
)

func isOurs(t *testing.T, m *message.Message, want booking.Event) {
	t.Helper()
	var c event.Event
	check0(t, json.Unmarshal(m.Payload, &c))
	if m.UUID != want.ID || c.ID() != want.ID || c.Type() != "frontrow."+want.Type || c.Subject() != want.Subject ||
		m.Metadata.Get("content-type") != "application/cloudevents+json" {
		t.Errorf("message %s %v %s", m.UUID, m.Metadata, m.Payload)
	}
}

func TestPublishToRedisStreams(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	l := check1(Publish(server.URL()+"?stream=sales", "frontrow"))(t)
	e := orderEvent(booking.OrderPaid)
	check0(t, l.Handle(t.Context(), e))
	client := redis.NewClient(check1(redis.ParseURL(server.URL()))(t))
	t.Cleanup(func() { _ = client.Close() })
	kept := check1(client.XRange(t.Context(), "sales", "-", "+").Result())(t)
	if len(kept) != 1 {
		t.Fatalf("%d messages", len(kept))
	}
	isOurs(t, check1(redisstream.DefaultMarshallerUnmarshaller{}.Unmarshal(kept[0].Values))(t), e)

	server.Stop()
	if err := l.Handle(t.Context(), e); err == nil || hopeless(err) {
		t.Errorf("the bus is away: %v", err)
	}
	server.Start()
	check0(t, l.Handle(t.Context(), e))
	check0(t, l.Close())
}

func jetStreamServer(t *testing.T, port int) *natsserver.Server {
	t.Helper()
	s := check1(natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: t.TempDir(), NoSigs: true}))(t)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return s
}

func TestPublishToJetStream(t *testing.T) {
	t.Parallel()
	s := jetStreamServer(t, natsserver.RANDOM_PORT)
	l := check1(Publish(s.ClientURL()+"?stream=sales", "frontrow"))(t)
	e := orderEvent(booking.OrderCancelled)
	for range 2 { // told again after an answer that was lost: JetStream knows it by its id
		check0(t, l.Handle(t.Context(), e))
	}
	conn := check1(nats.Connect(s.ClientURL()))(t)
	t.Cleanup(conn.Close)
	js := check1(conn.JetStream())(t)
	if info := check1(js.StreamInfo("sales"))(t); info.State.Msgs != 1 {
		t.Errorf("%d messages", info.State.Msgs)
	}
	raw := check1(js.GetMsg("sales", 1))(t)
	m := check1((&watermillnats.NATSMarshaler{}).Unmarshal(&nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data}))(t)
	isOurs(t, m, e)

	port := s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	if err := l.Handle(t.Context(), e); err == nil || hopeless(err) {
		t.Errorf("the bus is away: %v", err)
	}
	jetStreamServer(t, port)
	testenv.Wait(t, 20*time.Second, func() bool { return l.Handle(t.Context(), e) == nil }, "the bus is back, and nobody noticed")
	check0(t, l.Close())
}

// A bus that is not there when the gateway starts is a delivery that fails; once it is
// there, the next one works.
func TestPublishConnectsWhenThereIsSomethingToSay(t *testing.T) {
	t.Parallel()
	s := jetStreamServer(t, natsserver.RANDOM_PORT)
	at := s.ClientURL()
	s.Shutdown()
	s.WaitForShutdown()
	for _, url := range []string{at, "kafka://127.0.0.1:1", "redis://127.0.0.1:1"} {
		l := check1(Publish(url, "frontrow"))(t)
		began := time.Now()
		if err := l.Handle(t.Context(), orderEvent(booking.OrderPaid)); err == nil || hopeless(err) {
			t.Errorf("%s: %v", url, err)
		}
		if took := time.Since(began); took > l.Timeout {
			t.Errorf("%s: took %s, longer than its time-out", url, took)
		}
		check0(t, l.Close())
	}
}

func TestBusesByURL(t *testing.T) {
	t.Parallel()
	for url, topic := range map[string]string{
		"redis://h:6379/0": "frontrow", "rediss://u:p@h:6380/1?stream=sales": "sales", "nats://h:4222": "frontrow",
		"nats://u:p@h:4222?stream=sales": "sales", "kafka://a:9092": "frontrow", "kafka://a:9092,b:9093?topic=a_b-1": "a_b-1",
		"redis://h?stream=" + strings.Repeat("s", 100): strings.Repeat("s", 100),
	} {
		if b, err := parseBus(url); err != nil || b.topic != topic || b.open == nil {
			t.Errorf("%s: topic %q, %v", url, b.topic, err)
		}
	}
	for _, url := range []string{
		"", "redis://", "amqp://h", "h:6379", "redis://h:6379/x", "nats://h?topic=x", "kafka://a:9092?stream=x", "kafka://a", "kafka://a:9092,",
		"kafka://a:9092/x", "redis://h?stream=", "redis://h?stream=a.b", "nats://h?stream=%zz", "redis://h?stream=" + strings.Repeat("s", 101),
	} {
		if CheckBus(url) == nil {
			t.Errorf("%s names a bus", url)
		}
	}
}
