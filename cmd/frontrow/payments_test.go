package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"frontrow/internal/fakepay"
	"frontrow/internal/signed"
	"frontrow/internal/testenv"
)

// till is a gateway with a payment provider, over HTTP, and a show on sale.
type till struct {
	*testGateway
	pay  *fakeProvider
	show string
}

// eachTill runs f on either backend. The provider tells the gateway by webhook; its late
// payments are captured after two seconds.
func eachTill(t *testing.T, change func(*gatewayConfig), f func(t *testing.T, c *till)) {
	t.Helper()
	eachBackend(t, func(t *testing.T, b backend) {
		f(t, openTill(t, b, fakepay.Options{Late: 2 * time.Second}, change))
	})
}

func openTill(t *testing.T, b backend, o fakepay.Options, change func(*gatewayConfig)) *till {
	t.Helper()
	hook := &relay{}
	o.WebhookURL, o.WebhookSecret = hook.listen(t), testWebhooks
	pay, err := startProvider("127.0.0.1:0", o)
	must(t, err)
	t.Cleanup(pay.Close)
	g := b.serve(t, func(c *gatewayConfig) {
		c.PaymentURL = pay.URL()
		if change != nil {
			change(c)
		}
	})
	hook.to(g.URL() + "/v1/payments/webhook")
	return &till{testGateway: g, pay: pay, show: g.show(func(s map[string]any) {
		s["hold_seconds"] = 300
		s["cancel_until"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	})}
}

// relay is an address that is known before the gateway's is.
type relay struct {
	mu     sync.Mutex
	target string
}

func (r *relay) listen(t *testing.T) string {
	return serveHTTP(t, func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		target := r.target
		r.mu.Unlock()
		onward, err := http.NewRequestWithContext(request.Context(), http.MethodPost, target, request.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		onward.Header = request.Header
		response, err := client.Do(onward)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		w.WriteHeader(response.StatusCode)
	})
}

func (r *relay) to(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
}

func (v *guest) payBy(card, hold, key string) reply {
	v.g.t.Helper()
	return v.g.do(call{method: "POST", path: "/v1/orders", bearer: v.pass, key: key, body: cardPayment(hold, card)})
}

// buysByCard pays and asks, as clients do, until it is known that it is paid.
func (v *guest) buysByCard(hold, key string) reply {
	v.g.t.Helper()
	r := v.payBy("card_ok", hold, key)
	if r.status == http.StatusAccepted {
		v.becomes(r.text("order"), "paid")
		r = v.payBy("card_ok", hold, key)
	}
	return r.want(http.StatusCreated)
}

func cardPayment(hold, card string) map[string]any {
	return map[string]any{"hold": hold, "payment": map[string]any{"method": "card", "card": card}}
}

func (v *guest) order(id string) reply {
	v.g.t.Helper()
	return v.g.do(call{method: "GET", path: "/v1/orders/" + id, bearer: v.token}).want(http.StatusOK)
}

// becomes waits until an order has a state.
func (v *guest) becomes(order, state string) reply {
	v.g.t.Helper()
	var r reply
	testenv.Wait(v.g.t, 20*time.Second, func() bool {
		r = v.order(order)
		return r.text("state") == state
	}, "the order does not become %s", state)
	return r
}

// payment is what the provider knows of an order.
func (c *till) payment(order string) fakepay.Payment { return c.pay.Payments()[order] }

// closes fails the test if the provider and the sale disagree, or anything is broken.
func (c *till) closes() {
	c.t.Helper()
	for id, p := range c.pay.Payments() {
		if p.Charges > 1 {
			c.t.Errorf("payment %s was charged %d times", id, p.Charges)
		}
		order := c.admin("GET", "/v1/admin/orders/"+id, nil).want(http.StatusOK)
		owed := int64(0)
		if order.text("state") == "paid" {
			owed = order.number("amount")
		}
		if p.Captured-p.Refunded != owed {
			c.t.Errorf("the provider keeps %d of %s, which is %s", p.Captured-p.Refunded, id, order.body)
		}
	}
	c.verifies(c.show)
}

func (c *till) letters() string {
	c.t.Helper()
	return c.do(call{method: "GET", path: "/v1/shows/" + c.show + "/seats/state"}).want(http.StatusOK).text("states")
}

func (c *till) shows(prefix string) {
	c.t.Helper()
	testenv.Wait(c.t, 10*time.Second, func() bool { return strings.HasPrefix(c.letters(), prefix) }, "the seats do not show as %s", prefix)
}

// pending → paid
func TestACardPays(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1", "A-1-2").want(http.StatusCreated)
		paid := v.buysByCard(held.text("hold"), "k")
		if paid.text("state") != "paid" || paid.text("method") != "card" {
			t.Errorf("order %s", paid.body)
		}
		again := v.payBy("card_ok", held.text("hold"), "k").want(http.StatusCreated)
		if again.text("order") != paid.text("order") {
			t.Errorf("asked again: %s", again.body)
		}
		v.payBy("card_slow", held.text("hold"), "k").problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
		v.is("finished")
		c.shows("ssf")
		c.closes()
	})
}

// pending → declined, and the hold goes on to be paid with another card, or points.
func TestADeclinedCardKeepsTheSeats(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v, other := c.enters(c.show), c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		no := v.payBy("card_declined", held.text("hold"), "k").problem(http.StatusUnprocessableEntity, "payment_declined")
		if no.text("reason") != "insufficient_funds" || no.text("order") == "" {
			t.Errorf("declined: %s", no.body)
		}
		v.payBy("card_declined", held.text("hold"), "k").problem(http.StatusUnprocessableEntity, "payment_declined")
		still := c.do(call{method: "GET", path: "/v1/holds/" + held.text("hold"), bearer: v.token}).want(http.StatusOK)
		if still.text("state") != "held" || still.text("expires_at") != held.text("expires_at") {
			t.Errorf("the hold is %s, was %s", still.body, held.body)
		}
		other.hold("A-1-1").problem(http.StatusConflict, "seats_taken")
		v.buysByCard(held.text("hold"), "k2")
		c.closes()
	})
}

// A decline at the last second leaves time for another card, once.
func TestADeclineProlongsAHoldOnce(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		expires := func() time.Time {
			at, err := time.Parse(time.RFC3339Nano, c.do(call{method: "GET", path: "/v1/holds/" + held.text("hold"), bearer: v.token}).text("expires_at"))
			must(t, err)
			return at
		}
		ends := func(in time.Duration) {
			at := time.Now().Add(in).UnixMicro()
			must(t, c.db.Exec("UPDATE holds SET expires_at = ? WHERE id = ?", at, held.text("hold")).Error)
			must(t, c.db.Exec("UPDATE seats SET hold_until = ? WHERE hold_id = ?", at, held.text("hold")).Error)
		}
		ends(10 * time.Second)
		before := expires()
		v.payBy("card_declined", held.text("hold"), "1").want(http.StatusUnprocessableEntity)
		once := expires()
		if !once.After(before.Add(20 * time.Second)) {
			t.Errorf("ended at %v, ends at %v after the decline", before, once)
		}
		ends(10 * time.Second)
		before = expires()
		v.payBy("card_declined", held.text("hold"), "2").want(http.StatusUnprocessableEntity)
		if twice := expires(); !twice.Equal(before) {
			t.Errorf("prolonged twice: %v to %v", before, twice)
		}
		c.verifies(c.show)
	})
}

// The answer is lost, slow, or rubbish: the order is paid all the same, and charged once.
func TestAnswersThatGoAstray(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		for i, card := range []string{"card_lost", "card_slow", "card_twice", "card_late", "card_garbage", "card_wrong_amount", "card_wrong_currency"} {
			v := c.enters(c.show)
			held := v.hold(fmt.Sprintf("A-1-%d", i+1)).want(http.StatusCreated)
			r := v.payBy(card, held.text("hold"), "k")
			if r.status != http.StatusCreated && r.status != http.StatusAccepted {
				t.Fatalf("%s: %d %s", card, r.status, r.body)
			}
			if r.status == http.StatusAccepted {
				if r.text("state") != "pending" || r.header.Get("Retry-After") == "" || r.header.Get("Location") != "/v1/orders/"+r.text("order") {
					t.Errorf("%s: %s", card, r.body)
				}
				hold := c.do(call{method: "GET", path: "/v1/holds/" + held.text("hold"), bearer: v.token})
				if state := hold.text("state"); state != "paying" && state != "paid" {
					t.Errorf("%s: the hold is %s", card, hold.body)
				}
			}
			v.becomes(r.text("order"), "paid")
			v.payBy(card, held.text("hold"), "k").want(http.StatusCreated)
		}
		c.closes()
	})
}

// pending → declined, by the reconciler: the charge never arrived, and never will.
func TestAChargeThatNeverArrivedIsCalledOff(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		for i, card := range []string{"card_unheard", "card_down"} {
			v := c.enters(c.show)
			held := v.hold(fmt.Sprintf("A-1-%d", i+1)).want(http.StatusCreated)
			r := v.payBy(card, held.text("hold"), "k").want(http.StatusAccepted)
			v.payBy("card_ok", held.text("hold"), "other").problem(http.StatusConflict, "payment_under_way")
			c.do(call{method: "DELETE", path: "/v1/holds/" + held.text("hold"), bearer: v.token}).problem(http.StatusConflict, "payment_under_way")
			done := v.becomes(r.text("order"), "declined")
			if done.text("reason") != "no_answer" || c.payment(r.text("order")).State != "void" {
				t.Errorf("%s: %s, at the provider %+v", card, done.body, c.payment(r.text("order")))
			}
			v.poll()
			v.buysByCard(held.text("hold"), "k2")
		}
		c.closes()
	})
}

// pending → declined at once: nobody is there to charge.
func TestAProviderThatIsNotThere(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		must(t, c.pay.listener.Close())
		c.pay.Close()
		no := v.payBy("card_ok", held.text("hold"), "k").problem(http.StatusUnprocessableEntity, "payment_declined")
		if no.text("reason") != "provider_unreachable" {
			t.Errorf("declined: %s", no.body)
		}
		v.charge(100_000).want(http.StatusCreated)
		v.pay(held.text("hold"), "points").want(http.StatusCreated)
		c.verifies(c.show)
	})
}

func briefSeats(c *gatewayConfig) { c.PaymentSlot, c.PaymentSeats = time.Second, 1500*time.Millisecond }

// pending → cancelled (void): nobody ever answers, the seats go back, nothing is owed.
func TestSeatsDoNotWaitForever(t *testing.T) {
	t.Parallel()
	eachTill(t, briefSeats, func(t *testing.T, c *till) {
		v, other := c.enters(c.show), c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		r := v.payBy("card_never", held.text("hold"), "k").want(http.StatusAccepted)
		done := v.becomes(r.text("order"), "cancelled")
		if done.text("reason") != "no_answer" {
			t.Errorf("order %s", done.body)
		}
		other.hold("A-1-1").want(http.StatusCreated)
		testenv.Wait(t, 10*time.Second, func() bool { return c.payment(r.text("order")).State == "void" }, "the payment is not called off")
		v.payBy("card_never", held.text("hold"), "k").want(http.StatusCreated) // the order as it is now
		c.closes()
	})
}

// pending → cancelled → refunded: captured while nobody knew, after the seats were lost.
func TestPaidAfterTheSeatsWereLostIsGivenBack(t *testing.T) {
	t.Parallel()
	eachTill(t, briefSeats, func(t *testing.T, c *till) {
		v, other := c.enters(c.show), c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		r := v.payBy("card_late", held.text("hold"), "k").want(http.StatusAccepted)
		c.pay.SetDown(true)
		v.becomes(r.text("order"), "cancelled")
		mine := other.hold("A-1-1").want(http.StatusCreated)
		testenv.Wait(t, 10*time.Second, func() bool { return c.payment(r.text("order")).State == "captured" }, "not captured")
		c.pay.SetDown(false)
		v.becomes(r.text("order"), "refunded")
		other.buysByCard(mine.text("hold"), "k")
		c.closes()
	})
}

// paid → cancelled → refunded, paid → refunded: by the buyer, and by the operator.
func TestOrdersAreCancelled(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v, stranger := c.enters(c.show), c.enters(c.show)
		held := v.hold("A-1-1", "A-1-2", "A-1-3").want(http.StatusCreated)
		order := v.buysByCard(held.text("hold"), "k").text("order")
		cancel := call{method: "POST", path: "/v1/orders/" + order + "/cancel", bearer: stranger.token}
		c.do(cancel).problem(http.StatusForbidden, "not_yours")
		cancel.bearer = v.token
		for range 2 {
			if state := c.do(cancel).want(http.StatusOK).text("state"); state != "cancelled" && state != "refunded" {
				t.Errorf("cancelled: %s", state)
			}
		}
		c.shows("fff")
		v.becomes(order, "refunded")
		c.do(cancel).want(http.StatusOK)
		if p := c.payment(order); p.Refunded != 150_000 {
			t.Errorf("at the provider %+v", p)
		}

		// The seats are for others again, and the limit is free.
		held = stranger.hold("A-1-1", "A-1-2").want(http.StatusCreated)
		stranger.charge(200_000).want(http.StatusCreated)
		points := stranger.pay(held.text("hold"), "k").want(http.StatusCreated).text("order")
		c.shows("ssf")
		admin := "/v1/admin/orders/" + points + "/cancel"
		for _, reason := range []string{"", strings.Repeat("r", 201)} {
			c.do(call{method: "POST", path: admin, bearer: testAdmin, body: map[string]any{"reason": reason}, bad: true}).
				problem(http.StatusUnprocessableEntity, "invalid")
		}
		for range 2 {
			back := c.admin("POST", admin, map[string]any{"reason": strings.Repeat("r", 200)}).want(http.StatusOK)
			if back.text("state") != "refunded" {
				t.Errorf("cancelled: %s", back.body)
			}
		}
		if balance := c.do(call{method: "GET", path: "/v1/wallet", bearer: stranger.token}).number("balance"); balance != 200_000 {
			t.Errorf("balance %d, want all of it back", balance)
		}
		c.admin("POST", "/v1/admin/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel", map[string]any{"reason": "r"}).problem(http.StatusNotFound, "order_not_found")
		c.closes()
	})
}

func TestCancellingHasItsTime(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		order := v.buysByCard(held.text("hold"), "k").text("order")
		cancel := call{method: "POST", path: "/v1/orders/" + order + "/cancel", bearer: v.token}
		for _, until := range []any{time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano), nil} {
			c.admin("PATCH", "/v1/admin/shows/"+c.show, map[string]any{"cancel_until": until}).want(http.StatusOK)
			c.do(cancel).problem(http.StatusConflict, "cancel_too_late")
		}
		c.admin("PATCH", "/v1/admin/shows/"+c.show, map[string]any{"cancel_until": time.Now().Add(time.Minute).UTC().Format(time.RFC3339)}).want(http.StatusOK)
		c.do(cancel).want(http.StatusOK)
		v.becomes(order, "refunded")

		v = c.enters(c.show)
		held = v.hold("A-1-1").want(http.StatusCreated)
		no := v.payBy("card_declined", held.text("hold"), "k").want(http.StatusUnprocessableEntity).text("order")
		c.do(call{method: "POST", path: "/v1/orders/" + no + "/cancel", bearer: v.token}).problem(http.StatusConflict, "not_paid")
		c.closes()
	})
}

// However often somebody clicks, and from wherever: one order, charged once.
func TestManyClicksAreOneOrder(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated).text("hold")
		v.charge(100_000).want(http.StatusCreated)
		var clicks sync.WaitGroup
		for i := range 12 {
			clicks.Go(func() {
				r := v.payBy("card_ok", held, fmt.Sprint("key-", i%3))
				if i%4 == 3 {
					r = v.pay(held, "points")
				}
				switch r.status {
				case http.StatusCreated, http.StatusAccepted, http.StatusConflict, http.StatusForbidden:
				default:
					t.Errorf("%d %s", r.status, r.body)
				}
			})
		}
		clicks.Wait()
		orders := c.do(call{method: "GET", path: "/v1/orders", bearer: v.token}).want(http.StatusOK)
		if n := len(orders.json()["orders"].([]any)); n != 1 {
			t.Errorf("%d orders: %s", n, orders.body)
		}
		c.closes()
	})
}

// A webhook that is forged, recorded, or of no kind we know does nothing.
func TestWebhooksAreHintsAlone(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		order := v.payBy("card_never", held.text("hold"), "k").want(http.StatusAccepted).text("order")
		hook := func(secret string, at time.Time, raw string) reply {
			return c.do(call{
				method: "POST", path: "/v1/payments/webhook", raw: raw, bad: true,
				header: map[string]string{signed.Header: signed.Sign(secret, at, []byte(raw))},
			})
		}
		body, err := json.Marshal(map[string]any{"id": "1", "type": "payment.captured", "payment": order})
		must(t, err)
		hook("another-secret-of-theirs", time.Now(), string(body)).problem(http.StatusUnauthorized, "signature_invalid")
		hook(testWebhooks, time.Now().Add(-time.Hour), string(body)).problem(http.StatusUnauthorized, "signature_invalid")
		c.do(call{method: "POST", path: "/v1/payments/webhook", raw: string(body), bad: true}).problem(http.StatusUnauthorized, "signature_invalid")
		hook(testWebhooks, time.Now(), "not JSON").problem(http.StatusBadRequest, "malformed")
		hook(testWebhooks, time.Now(), strings.Repeat("x", 65<<10)).problem(http.StatusRequestEntityTooLarge, "too_large")
		hook(testWebhooks, time.Now(), `{"id":"2","type":"dispute.opened","payment":"x"}`).want(http.StatusAccepted)
		hook(testWebhooks, time.Now(), `{"id":"3","type":"payment.captured","payment":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}`).want(http.StatusAccepted)
		for range 3 { // says that it is captured, which it is not
			hook(testWebhooks, time.Now(), string(body)).want(http.StatusAccepted)
		}
		if state := v.order(order).text("state"); state != "pending" {
			t.Errorf("the order is %s", state)
		}
		c.verifies(c.show)
	})
}

func TestCardsThatAreNone(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated).text("hold")
		for _, card := range []string{"", "4111111111111111", "4111-1111-1111-1111", "with space", strings.Repeat("c", 101)} {
			c.do(call{method: "POST", path: "/v1/orders", bearer: v.pass, key: "k", body: cardPayment(held, card), bad: true}).
				problem(http.StatusUnprocessableEntity, "invalid")
		}
		c.do(call{method: "POST", path: "/v1/orders", bearer: v.pass, key: "k", bad: true, body: map[string]any{
			"hold": held, "payment": map[string]any{"method": "wallet", "card": "card_ok"},
		}}).problem(http.StatusUnprocessableEntity, "invalid")
		v.payBy(strings.Repeat("c", 100), held, "k").problem(http.StatusUnprocessableEntity, "payment_declined")
	})
	t.Run("not taken here", func(t *testing.T) {
		t.Parallel()
		g := realBackend(t).serve(t)
		show := g.show()
		v := g.enters(show)
		held := v.hold("A-1-1").want(http.StatusCreated).text("hold")
		v.payBy("card_ok", held, "k").problem(http.StatusUnprocessableEntity, "invalid")
	})
}

// Redis or the database dies between the question to the provider and its answer, and
// comes back: the order comes to its end, charged once.
func TestServersDieInTheMiddleOfAPayment(t *testing.T) {
	t.Parallel()
	for name, dies := range map[string]func(redis *testenv.RedisServer, db *testenv.MySQLServer){
		"redis": func(redis *testenv.RedisServer, _ *testenv.MySQLServer) { redis.Kill(); redis.Start() },
		"mysql": func(_ *testenv.RedisServer, db *testenv.MySQLServer) { db.Kill(); db.Start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis, db := testenv.OwnRedis(t), testenv.OwnMySQL(t)
			b := backend{redis: redis.URL(), dsn: db.DSN()}
			b.migrate(t)
			c := openTill(t, b, fakepay.Options{Slow: time.Second}, func(c *gatewayConfig) { c.PaymentTimeout = 3 * time.Second })
			v := c.enters(c.show)
			held := v.hold("A-1-1").want(http.StatusCreated).text("hold")
			answered := make(chan reply, 1)
			go func() { answered <- v.payBy("card_slow", held, "k") }()
			testenv.Wait(t, 10*time.Second, func() bool { return len(c.pay.Payments()) == 1 }, "the provider is not asked")
			dies(redis, db)
			<-answered // with the order, or with why not
			var order string
			for id := range c.pay.Payments() {
				order = id
			}
			testenv.Wait(t, 60*time.Second, func() bool {
				r := c.do(call{method: "GET", path: "/v1/orders/" + order, bearer: v.token})
				return r.status == http.StatusOK && r.text("state") == "paid"
			}, "the order is not paid")
			testenv.Wait(t, 30*time.Second, func() bool { return v.payBy("card_slow", held, "k").status == http.StatusCreated }, "the key does not give the order")
			testenv.Wait(t, 30*time.Second, func() bool { return b.open(t) == 0 }, "deliveries hang")
			c.closes()
		})
	}
}

// While nothing is known, the buyer is kept inside and the seats are kept for them, longer
// than either would last by itself; then the slot is given back before the seats are.
func TestAPaymentUnderWayKeepsSlotAndSeats(t *testing.T) {
	t.Parallel()
	eachTill(t, func(c *gatewayConfig) { c.PaymentSlot, c.PaymentSeats = 5*time.Minute, 20*time.Minute }, func(t *testing.T, c *till) {
		show := c.testGateway.show(func(s map[string]any) {
			s["hold_seconds"] = 10
			s["admission"].(map[string]any)["session_seconds"] = 10
		})
		at := func(r reply, field string) time.Time {
			t.Helper()
			got, err := time.Parse(time.RFC3339Nano, r.text(field))
			must(t, err)
			return got
		}
		v := c.enters(show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		began := time.Now()
		order := v.payBy("card_never", held.text("hold"), "k").want(http.StatusAccepted).text("order")
		if in := at(v.poll(), "admitted_until").Sub(began); in < 4*time.Minute || in > 6*time.Minute {
			t.Errorf("inside for %v while paying, want five minutes", in)
		}
		hold := c.do(call{method: "GET", path: "/v1/holds/" + held.text("hold"), bearer: v.token})
		if in := at(hold, "expires_at").Sub(began); hold.text("state") != "paying" || in < 19*time.Minute || in > 21*time.Minute {
			t.Errorf("the hold is %s", hold.body)
		}
		if state := v.order(order).text("state"); state != "pending" {
			t.Errorf("the order is %s", state)
		}
	})
}
