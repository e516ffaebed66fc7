package main

import (
	"fmt"
	"net/http"
)

// buyer is somebody inside who asks for a seat and pays for it.
type buyer struct {
	visitor
	conn  *client
	show  string
	held  string // the hold, once there is one
	order string // the order, once there is one
}

var (
	holdField  = []byte(`"hold":"`)
	orderField = []byte(`"order":"`)
)

// hold asks for a seat and tells whether it is theirs; any other answer than that it
// is, or that it is taken, is an error.
func (b *buyer) hold(seat string) (won bool, err error) {
	status, body, err := b.conn.ask(request("POST", "/v1/shows/"+b.show+"/holds", b.pass, `{"seats":["`+seat+`"]}`, ""))
	switch {
	case err != nil:
		return false, err
	case status == http.StatusConflict:
		return false, nil
	case status != http.StatusCreated:
		return false, fmt.Errorf("a hold was answered %d %.200s", status, body)
	}
	var ok bool
	if b.held, ok = field(body, holdField); !ok {
		return false, fmt.Errorf("a hold without an id: %.200s", body)
	}
	return true, nil
}

func (b *buyer) wins(seat string) error {
	won, err := b.hold(seat)
	if err == nil && !won {
		err = fmt.Errorf("%s is taken, and should be free", seat)
	}
	return err
}

func (b *buyer) loses(seat string) error {
	won, err := b.hold(seat)
	if err == nil && won {
		err = fmt.Errorf("%s was free, and should be taken", seat)
	}
	return err
}

// charge puts enough for a few seats into the buyer's wallet.
func (b *buyer) charge() error {
	return b.post("/v1/wallet/charges", `{"amount":5000000}`, "charge-"+b.held)
}

func (b *buyer) pay() error {
	return b.post("/v1/orders", `{"hold":"`+b.held+`","payment":{"method":"wallet"}}`, "order-"+b.held)
}

func (b *buyer) post(path, body, key string) error {
	status, answer, err := b.conn.ask(request("POST", path, b.pass, body, key))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("POST %s: %d %.200s", path, status, answer)
	}
	if order, ok := field(answer, orderField); err == nil && ok {
		b.order = order
	}
	return err
}
