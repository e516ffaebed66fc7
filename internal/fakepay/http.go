package fakepay

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Handler is the interface: POST /v1/payments, GET /v1/payments/{payment},
// POST /v1/payments/{payment}/refund, and for those who want to look on,
// GET /v1/payments and PUT /v1/down with true or false.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/payments", p.charge)
	mux.HandleFunc("GET /v1/payments/{payment}", p.find)
	mux.HandleFunc("POST /v1/payments/{payment}/refund", p.refund)
	mux.HandleFunc("GET /v1/payments", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, p.Payments()) })
	mux.HandleFunc("PUT /v1/down", func(w http.ResponseWriter, r *http.Request) {
		var down bool
		if err := json.NewDecoder(r.Body).Decode(&down); err != nil {
			complain(w, http.StatusBadRequest, "want true or false")
			return
		}
		p.SetDown(down)
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.o.Key != "" && r.Header.Get("Authorization") != "Bearer "+p.o.Key {
			complain(w, http.StatusUnauthorized, "want the key")
			return
		}
		p.mu.Lock()
		down := p.down
		p.mu.Unlock()
		if down && r.URL.Path != "/v1/down" {
			complain(w, http.StatusServiceUnavailable, "down")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever has gone asks again
}

func complain(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}

type charge struct {
	Payment  string `json:"payment"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Card     string `json:"card"`
	Capture  bool   `json:"capture"`
}

func (p *Provider) charge(w http.ResponseWriter, r *http.Request) {
	var c charge
	if err := json.NewDecoder(io.LimitReader(r.Body, 16<<10)).Decode(&c); err != nil {
		complain(w, http.StatusBadRequest, err.Error())
		return
	}
	if c.Payment == "" || c.Payment != r.Header.Get("Idempotency-Key") || c.Amount <= 0 || len(c.Currency) != 3 || !c.Capture {
		complain(w, http.StatusUnprocessableEntity, "want payment as Idempotency-Key, amount, currency, card, and capture")
		return
	}
	behaviour := p.behaviour(c.Card)
	switch behaviour {
	case "down":
		complain(w, http.StatusServiceUnavailable, "down")
		return
	case "unheard":
		panic(http.ErrAbortHandler)
	}
	known, isNew := p.open(c, behaviour)
	if !isNew {
		p.again(w, known) // nothing happens twice
		return
	}
	switch behaviour {
	case "declined":
		p.mu.Lock()
		p.payments[c.Payment].State, p.payments[c.Payment].Reason = declined, "insufficient_funds"
		known = *p.payments[c.Payment]
		p.keep(&known)
		p.mu.Unlock()
		p.tell(known, 1)
		p.again(w, known)
		return
	case "never":
		answer(w, http.StatusAccepted, known)
		return
	case "late":
		p.afterwards(p.o.Late, func() {
			if known, now := p.capture(c.Payment); now {
				p.tell(known, 1)
			}
		})
		answer(w, http.StatusAccepted, known)
		return
	}
	known, _ = p.capture(c.Payment)
	p.captured(w, r, behaviour, known)
}

// captured answers for money that was taken, as well as it can.
func (p *Provider) captured(w http.ResponseWriter, r *http.Request, behaviour string, known Payment) {
	switch behaviour {
	case "lost":
		p.tell(known, 1)
		panic(http.ErrAbortHandler)
	case "twice":
		p.tell(known, 2)
	case "slow":
		select {
		case <-time.After(p.o.Slow):
		case <-r.Context().Done():
		case <-p.ctx.Done():
		}
	case "garbage", "wrong_amount", "wrong_currency":
	default:
		p.tell(known, 1)
	}
	p.again(w, known)
}

// again answers for a charge, each time it is asked for in the same way.
func (p *Provider) again(w http.ResponseWriter, known Payment) {
	switch known.behaviour {
	case "garbage":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "<html>Thank you!</html>")
		return
	case "wrong_amount":
		known.Amount, known.Captured = known.Amount+1, known.Captured+1
	case "wrong_currency":
		known.Currency = "XTS"
	}
	status := http.StatusCreated
	if known.State == declined {
		status = http.StatusPaymentRequired
	}
	answer(w, status, known)
}

// open makes a payment, or finds the one of the same name.
func (p *Provider) open(c charge, behaviour string) (known Payment, isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.payments[c.Payment]; ok {
		return *known, false
	}
	p.payments[c.Payment] = &Payment{Payment: c.Payment, State: pending, Amount: c.Amount, Currency: c.Currency, behaviour: behaviour}
	p.keep(p.payments[c.Payment])
	return *p.payments[c.Payment], true
}

func (p *Provider) find(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	known, ok := p.payments[r.PathValue("payment")]
	var found Payment
	if ok {
		found = *known
	}
	p.mu.Unlock()
	if !ok {
		complain(w, http.StatusNotFound, "no such payment")
		return
	}
	answer(w, http.StatusOK, found)
}

// refund gives back what was captured, and makes sure that nothing ever will be where
// nothing was; it knows the names of payments that have not come yet.
func (p *Provider) refund(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("payment")
	p.mu.Lock()
	known, ok := p.payments[id]
	if !ok {
		known = &Payment{Payment: id, State: pending}
		p.payments[id] = known
	}
	before := known.State
	switch before {
	case pending:
		known.State = void
	case captured:
		known.State, known.Refunded = refunded, known.Captured
	}
	if known.State != before {
		p.keep(known)
	}
	found := *known
	p.mu.Unlock()
	if found.State != before {
		p.tell(found, 1)
	}
	answer(w, http.StatusOK, found)
}
