//go:build scale

package scale

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// dsnFrom names all nodes, beginning with one.
func dsnFrom(g *testenv.Galera, first int) string {
	var hosts []string
	for i := range g.Nodes {
		_, rest, _ := strings.Cut(g.Nodes[(first+i)%len(g.Nodes)].DSN(), "tcp(")
		host, _, _ := strings.Cut(rest, ")")
		hosts = append(hosts, host)
	}
	return "root@tcp(" + strings.Join(hosts, ",") + ")/frontrow"
}

// Three gateways, each on a node of its own, sell one show: what two nodes write at once is
// tried again, what one has answered the others know, and when a node dies its gateway goes on
// with another.
func TestTheSaleOnThreeNodes(t *testing.T) {
	db := testenv.OwnGalera(t)
	s := open(t, testenv.OwnRedis(t).URL(), dsnFrom(db, 0), 0)
	for k := range db.Nodes {
		s.serve("FRONTROW_MYSQL_DSN=" + dsnFrom(db, k))
	}
	s.sells(200, "sale")
	t.Run("reads what was written", func(t *testing.T) { readsWhatWasWritten(t, s, db) })

	crowd := s.comes(200, "sale", s.urls()...)
	s.isUnderWay("sale", 60)
	conflicts := 0
	for _, n := range db.Nodes {
		conflicts += n.Conflicts()
	}
	w := s.pays(s.gateways[0].url)
	db.Nodes[0].Kill()
	crowd.isPlayed()
	figure("MariaDB Galera, three nodes: transactions broken off for another node's, and tried again, in the first 60 purchases", "%d", conflicts)
	if conflicts == 0 {
		t.Error("no transaction met another's: nothing was tried again")
	}
	figure("MariaDB Galera, a node killed: the gateway on it wrote nothing", "for %s", seconds(w.ends()))
	for _, n := range db.Nodes[1:] {
		s.verified(n.DSN())
		s.nobodyShares(n.DSN())
	}
	began := time.Now()
	db.Nodes[0].Start()
	figure("… the node started again, and had caught up", "after %s", seconds(time.Since(began)))
	s.verified(db.Nodes[0].DSN())
}

// readsWhatWasWritten: a node that lags by what it has not applied yet is waited for.
func readsWhatWasWritten(t *testing.T, s *site, db *testenv.Galera) {
	lag, err := sql.Open("mysql", db.Nodes[1].DSN())
	must(t, err)
	defer lag.Close()
	conn, err := lag.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	p := newPayer()
	must(t, p.charge(s.gateways[1].url, 1)) // has a row, and a connection of the gateway
	_, err = conn.ExecContext(t.Context(), "FLUSH TABLES WITH READ LOCK")
	must(t, err)
	must(t, p.charge(s.gateways[0].url, 10))
	read := make(chan int, 1)
	go func() { read <- p.balance(s.gateways[1].url) }()
	select {
	case got := <-read:
		t.Errorf("the lagging node's gateway answered %d at once", got)
	case <-time.After(300 * time.Millisecond): // by far enough for an answer
		_, err = conn.ExecContext(context.WithoutCancel(t.Context()), "UNLOCK TABLES")
		must(t, err)
		if got := <-read; got != 11 {
			t.Errorf("the balance at another node is %d, not 11", got)
		}
	}
}

// payer is a visitor who charges a wallet.
type payer struct {
	cookies []*http.Cookie
	keys    int
}

func newPayer() *payer { return &payer{} }

func (p *payer) do(method, url, body string) (int, map[string]any, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("X-Frontrow", "1")
	p.keys++
	request.Header.Set("Idempotency-Key", fmt.Sprintf("payer-%p-%d", p, p.keys))
	for _, c := range p.cookies {
		request.AddCookie(c)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	p.cookies = append(p.cookies, response.Cookies()...)
	var said map[string]any
	err = json.NewDecoder(response.Body).Decode(&said)
	return response.StatusCode, said, err
}

func (p *payer) charge(url string, amount int) error {
	if len(p.cookies) == 0 {
		if _, _, err := p.do("GET", url+"/v1/wallet", ""); err != nil {
			return err
		}
	}
	status, said, err := p.do("POST", url+"/v1/wallet/charges", fmt.Sprintf(`{"amount":%d}`, amount))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("charge: %d %v", status, said)
	}
	return err
}

func (p *payer) balance(url string) int {
	_, said, _ := p.do("GET", url+"/v1/wallet", "")
	balance, _ := said["balance"].(float64)
	return int(balance)
}

// writes charges a wallet over and over, and knows how long it could not.
type writes struct {
	stop, done chan struct{}
	gap        time.Duration
}

func (s *site) pays(url string) *writes {
	w := &writes{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		p, last := newPayer(), time.Now()
		for {
			select {
			case <-w.stop:
				w.gap = max(w.gap, time.Since(last))
				return
			case <-time.After(joinEvery):
			}
			if p.charge(url, 1) == nil {
				w.gap, last = max(w.gap, time.Since(last)), time.Now()
			}
		}
	}()
	return w
}

func (w *writes) ends() time.Duration {
	close(w.stop)
	<-w.done
	return w.gap
}
