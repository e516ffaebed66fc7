package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const signIn = "https://shop.example/login?lang=en"

// customersOf has a gateway believe a shop, which signs by a key of its own. It returns what the shop
// signs about a customer.
func customersOf(t *testing.T) (configure func(*gatewayConfig), signs func(sub string) string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	jwks := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": base64.RawURLEncoding.EncodeToString(public),
		}}})
	})
	configure = func(c *gatewayConfig) {
		c.identityConfig = identityConfig{
			Issuer: "https://shop.example", Audience: "frontrow", JWKS: jwks, Visitors: testSecret, SignInURL: signIn,
		}
	}
	return configure, func(sub string) string {
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
			"iss": "https://shop.example", "aud": "frontrow", "sub": sub, "exp": time.Now().Add(time.Minute).Unix(),
		})
		token.Header["kid"] = "1"
		text, err := token.SignedString(private)
		must(t, err)
		return text
	}
}

// One customer has one place, on every device; nobody else has it, and nobody finds out who they are.
func TestCustomersOfAShop(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		configure, signs := customersOf(t)
		g := b.serve(t, configure)
		show := g.show(shut, rules(map[string]any{"identity": "required"}))
		path := "/v1/shows/" + show + "/queue"
		joins := func(jwt string, c call) reply {
			c.method, c.path = "POST", path
			if c.header == nil {
				c.header = map[string]string{}
			}
			if jwt != "" {
				c.header["X-Frontrow-Customer"] = jwt
			}
			return g.do(c)
		}

		// Nobody comes in without, and is told where to sign in.
		told := joins("", call{}).problem(http.StatusUnauthorized, "customer_required").text("sign_in")
		if want := signIn + "&return=" + url.QueryEscape(g.URL()+"/shows/"+show); told != want {
			t.Errorf("signs in at %s, want %s", told, want)
		}
		joins(signs("anna")+"x", call{}).problem(http.StatusUnauthorized, "customer_invalid")
		joins("garbage", call{bad: true}).problem(http.StatusUnauthorized, "customer_invalid")

		// Two devices, one place.
		first := joins(signs("anna@shop"), call{}).want(http.StatusCreated)
		second := joins(signs("anna@shop"), call{}).want(http.StatusOK)
		other := joins(signs("bert@shop"), call{}).want(http.StatusCreated)
		if first.number("number") != 1 || second.number("number") != 1 || other.number("number") != 2 {
			t.Errorf("numbers %s, %s, %s", first.body, second.body, other.body)
		}
		for _, cookies := range [][]*http.Cookie{first.set, second.set} {
			if n := g.do(call{method: "GET", path: path, cookies: cookies}).want(http.StatusOK).number("number"); n != 1 {
				t.Errorf("number %d by cookie, want 1", n)
			}
		}
		// What proves a place proves it again, without the shop.
		joins("", call{bearer: first.text("token")}).want(http.StatusOK)
		joins("", call{cookies: second.set, header: map[string]string{"X-Frontrow": "1"}}).want(http.StatusOK)

		// A place that moves by a code is gone from the other devices, until the customer comes from the shop again.
		code := g.do(call{method: "POST", path: path + "/move", bearer: first.text("token")}).want(http.StatusCreated).text("code")
		moved := g.accept(show, code).want(http.StatusOK)
		g.do(call{method: "GET", path: path, bearer: first.text("token")}).problem(http.StatusUnauthorized, "place_moved")
		joins("", call{bearer: second.text("token")}).problem(http.StatusUnauthorized, "place_moved")
		back := joins(signs("anna@shop"), call{cookies: second.set, header: map[string]string{"X-Frontrow": "1"}}).want(http.StatusOK)
		for _, token := range []string{back.text("token"), moved.text("token")} {
			if n := g.do(call{method: "GET", path: path, bearer: token}).want(http.StatusOK).number("number"); n != 1 {
				t.Errorf("number %d once back, want 1", n)
			}
		}

		// A link of the shop: taken off the address, and worth a place once somebody joins by it.
		link := g.do(call{method: "GET", path: "/shows/" + show + "?return=x&customer=" + signs("anna@shop"), bad: true}).want(http.StatusSeeOther)
		if to := link.header.Get("Location"); to != "/shows/"+show+"?return=x" {
			t.Errorf("sent to %s", to)
		}
		if len(link.set) != 1 || link.set[0].Name != "fr_customer" || !link.set[0].HttpOnly {
			t.Fatalf("cookies %v", link.set)
		}
		joins("", call{cookies: link.set}).problem(http.StatusUnauthorized, "token_required") // as another site's form could
		if n := joins("", call{cookies: link.set, header: map[string]string{"X-Frontrow": "1"}}).want(http.StatusOK).number("number"); n != 1 {
			t.Errorf("number %d by the link, want 1", n)
		}
		g.do(call{method: "GET", path: "/shows/" + show + "?customer=nonsense", bad: true}).want(http.StatusUnauthorized)
		page := func(cookies []*http.Cookie) string {
			return string(g.do(call{method: "GET", path: "/shows/" + show, cookies: cookies}).want(http.StatusOK).body)
		}
		if !strings.Contains(page(nil), "https://shop.example/login") || strings.Contains(page(link.set), "https://shop.example/login") {
			t.Error("the page does not lead strangers to the shop, or leads customers there")
		}

		// What a customer is called is nowhere.
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"max_active": 100}).want(http.StatusOK)
		if strings.Contains(g.logs.String(), "anna@shop") {
			t.Error("the log tells who the customer is")
		}
		g.verifies(show)
	})
}

// A rule that asks for customers: who was there before stays, who is somebody keeps what they have.
func TestAskingForCustomers(t *testing.T) {
	t.Parallel()
	configure, signs := customersOf(t)
	g := backend{}.serve(t, configure)
	show := g.show()
	asks := func(how string) {
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"identity": how}).want(http.StatusOK)
	}
	path := "/v1/shows/" + show + "/queue"
	before := g.enters(show)
	before.charge(1000).want(http.StatusCreated)
	write := map[string]string{"X-Frontrow": "1"}
	owner := g.do(call{method: "POST", path: path}).want(http.StatusCreated)
	g.do(call{method: "POST", path: "/v1/wallet/charges", cookies: owner.set, header: write, key: "k", body: map[string]any{"amount": 5}}).want(http.StatusCreated)
	stranger := g.do(call{method: "POST", path: path}).want(http.StatusCreated)

	signed := func(sub string) map[string]string {
		return map[string]string{"X-Frontrow": "1", "X-Frontrow-Customer": signs(sub)}
	}
	// Nobody asks: the browser is who it was.
	if n := g.do(call{method: "POST", path: path, header: signed("anna"), cookies: stranger.set}).want(http.StatusOK).number("poll_after_ms"); n == 0 {
		t.Error("not the place it had")
	}
	asks("required")
	before.poll().want(http.StatusOK)
	g.do(call{method: "POST", path: path, bearer: before.token}).want(http.StatusOK)
	g.do(call{method: "POST", path: path, header: signed("anna"), cookies: owner.set}).problem(http.StatusConflict, "device_in_use")
	asks("optional")
	g.do(call{method: "POST", path: path}).want(http.StatusCreated)
	// A copied cookie of somebody who was nobody gives nothing of the customer that the browser became.
	became := g.do(call{method: "POST", path: path, header: signed("anna"), cookies: stranger.set}).want(http.StatusCreated)
	anna := &guest{g: g, show: show, token: became.text("token")}
	anna.is("admitted")
	anna.charge(70_000).want(http.StatusCreated)
	if n := g.do(call{method: "GET", path: "/v1/wallet", cookies: stranger.set}).want(http.StatusOK).number("balance"); n != 0 {
		t.Errorf("a copied cookie shows %d points", n)
	}
	g.do(call{method: "PATCH", path: "/v1/admin/shows/" + show + "/admission", bearer: testAdmin, body: map[string]any{"identity": "maybe"}, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")

	alone := backend{}.serve(t)
	alone.admin("PATCH", "/v1/admin/shows/"+alone.show()+"/admission", map[string]any{"identity": "optional"}).problem(http.StatusUnprocessableEntity, "invalid")
	g.verifies(show)
}

// All that is wrong with the variables of customers is said at once.
func TestCustomersInTheConfiguration(t *testing.T) {
	t.Parallel()
	good := identityConfig{Issuer: "i", Audience: "a", HMAC: strings.Repeat("s", leastKey), Visitors: testSecret}
	for name, test := range map[string]struct {
		change func(*identityConfig)
		wants  string
	}{
		"good":           {func(*identityConfig) {}, ""},
		"none":           {func(c *identityConfig) { *c = identityConfig{} }, ""},
		"no issuer":      {func(c *identityConfig) { c.Issuer = "" }, "FRONTROW_IDENTITY_ISSUER is required"},
		"no audience":    {func(c *identityConfig) { c.Audience = "" }, "FRONTROW_IDENTITY_AUDIENCE"},
		"both":           {func(c *identityConfig) { c.JWKS = "https://shop.example/jwks" }, "and not both"},
		"neither":        {func(c *identityConfig) { c.HMAC = "" }, "and not both"},
		"no URL":         {func(c *identityConfig) { c.HMAC, c.JWKS = "", "shop.example/jwks" }, "FRONTROW_IDENTITY_JWKS_URL must"},
		"a short secret": {func(c *identityConfig) { c.HMAC = c.HMAC[1:] }, "32 characters"},
		"a short key":    {func(c *identityConfig) { c.Visitors = base64.StdEncoding.EncodeToString(make([]byte, leastKey-1)) }, "FRONTROW_IDENTITY_KEY"},
		"a long enough":  {func(c *identityConfig) { c.Visitors = base64.URLEncoding.EncodeToString(make([]byte, leastKey)) }, ""},
		"no sign-in":     {func(c *identityConfig) { c.SignInURL = "javascript:alert(1)" }, "FRONTROW_SIGN_IN_URL"},
	} {
		config := good
		test.change(&config)
		err := config.check()
		if (err == nil) != (test.wants == "") || err != nil && !strings.Contains(err.Error(), test.wants) {
			t.Errorf("%s: %v, want %q", name, err, test.wants)
		}
	}
}

// Pages of the shop's own origins may call what visitors call; no others, and nobody what the operator calls.
func TestPagesOfAShop(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t, func(c *gatewayConfig) { c.ShopOrigins = []string{"https://shop.example", "http://localhost:3000"} })
	show := g.show(shut)
	asks := func(method, path, origin string, header map[string]string) reply {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, g.URL()+path, http.NoBody)
		must(t, err)
		request.Header.Set("Origin", origin)
		for name, value := range header {
			request.Header.Set(name, value)
		}
		answer, err := client.Do(request)
		must(t, err)
		must(t, answer.Body.Close())
		return reply{t: t, status: answer.StatusCode, header: answer.Header}
	}
	queue, admin := "/v1/shows/"+show+"/queue", "/v1/admin/shows/"+show+"/admission"
	for _, test := range []struct {
		origin, path string
		may          bool
	}{
		{"https://shop.example", queue, true}, {"http://localhost:3000", queue, true}, {"https://shop.example", "/v1/wallet", true},
		{"http://shop.example", queue, false}, {"https://shop.example:8443", queue, false}, {"https://shop.example.evil.test", queue, false},
		{"https://a.shop.example", queue, false}, {"http://localhost:3001", queue, false}, {"null", queue, false}, {"", queue, false}, {"*", queue, false},
		{"https://shop.example", admin, false}, {"https://shop.example", "/v1/gate", false}, {"https://shop.example", "/desk", false},
	} {
		pre := asks("OPTIONS", test.path, test.origin, map[string]string{
			"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-frontrow,x-frontrow-customer",
		})
		actual := asks("GET", test.path, test.origin, nil)
		for what, answer := range map[string]reply{"preflight": pre, "request": actual} {
			allowed := answer.header.Get("Access-Control-Allow-Origin")
			if test.may && (allowed != test.origin || answer.header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(strings.Join(answer.header.Values("Vary"), ","), "Origin")) ||
				!test.may && allowed != "" {
				t.Errorf("%s of %s from %q: %v", what, test.path, test.origin, answer.header)
			}
		}
		if test.may && pre.status != http.StatusNoContent {
			t.Errorf("preflight of %s from %s: %d", test.path, test.origin, pre.status)
		}
	}
	patch := asks("OPTIONS", queue, "https://shop.example", map[string]string{"Access-Control-Request-Method": "PATCH"})
	if patch.header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("a method that visitors have not: %v", patch.header)
	}
	// A listed origin's page still needs the header that proves a write by cookie.
	joined := g.do(call{method: "POST", path: queue}).want(http.StatusCreated)
	cookie := map[string]string{"Cookie": joined.set[0].Name + "=" + joined.set[0].Value}
	if answer := asks("DELETE", queue, "https://shop.example", cookie); answer.status != http.StatusUnauthorized {
		t.Errorf("left by a cookie alone: %d", answer.status)
	}
	alone := backend{}.serve(t)
	if vary := alone.do(call{method: "GET", path: "/v1/wallet"}).header.Get("Vary"); vary != "" {
		t.Errorf("without origins answers vary by %s", vary)
	}
	config := gatewayConfig{Listen: "127.0.0.1:0", LogLevel: "info", cardConfig: testCards, ShopOrigins: []string{"https://shop.example", "*", "null", "https://*.example"}}
	config.DataDir = t.TempDir()
	if err := config.check(); err == nil || strings.Count(err.Error(), "FRONTROW_SHOP_ORIGINS") != 3 {
		t.Errorf("%v", err)
	}
}
