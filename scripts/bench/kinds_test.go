package main

import "testing"

func TestTransactionsOfALog(t *testing.T) {
	t.Parallel()
	got := transactionsOf([]statement{
		{1, 1_000, "SELECT 1"},
		{1, 2_000, "START TRANSACTION"},
		{2, 2_500, "BEGIN"},
		{1, 3_000, "INSERT INTO `holds` (`id`) VALUES ('a')"},
		{2, 3_500, "UPDATE deliveries SET state = 'done', done_at = 1"},
		{1, 6_000, "COMMIT"},
		{2, 7_000, "ROLLBACK"},
		{2, 8_000, "COMMIT"},
	})
	if len(got) != 1 || got[0].statements != 3 || got[0].open != 4 || kindOf(got[0].text) != "hold" {
		t.Errorf("%+v", got)
	}
	for text, want := range map[string]string{
		"UPDATE wallets SET balance = balance - 5 WHERE visitor = 'v'":                                             "wallet payment",
		"UPDATE holds SET state = 'released' WHERE id = 'h'\nINSERT INTO `order_steps` (`kind`) VALUES ('cancel')": "cancellation",
		"UPDATE holds SET state = 'released' WHERE id = 'h'":                                                       "a hold given back",
		"UPDATE deliveries SET state = 'done'":                                                                     "deliveries marked, together",
		"UPDATE shows SET title = 't'":                                                                             "",
	} {
		if kind := kindOf(text); kind != want {
			t.Errorf("%q is %q, want %q", text, kind, want)
		}
	}
}
