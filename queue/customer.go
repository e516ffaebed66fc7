package queue

import "time"

// SignCustomer gives the value of a cookie that proves, until a time (whole seconds), that a
// shop's customer is this visitor here. It is worth nothing but a place.
func (r *Keyring) SignCustomer(visitor string, until time.Time) string {
	body := dated(until, visitor)
	return sealed(body, r.keys[0].customer.appendMAC(nil, body))
}

// Customer reads a cookie made by SignCustomer. It says false for anything else, and once
// its time is over.
func (r *Keyring) Customer(cookie string, now time.Time) (visitor string, ok bool) {
	body, visitor, mac := unsealed(cookie, now)
	if body == nil {
		return "", false
	}
	for _, k := range r.keys {
		if k.customer.verify(body, mac) {
			return visitor, true
		}
	}
	return "", false
}
