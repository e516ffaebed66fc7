package api

import (
	"net/http"
	"net/http/pprof"

	"github.com/gin-gonic/gin"
)

// Handler serves visitors and operators. This is the whole route table.
func (a *API) Handler() (http.Handler, error) {
	r, err := a.engine()
	if err != nil {
		return nil, err
	}
	r.GET("/", a.home)
	r.GET("/shows/:show", a.waiting)
	r.POST("/shows/:show/queue", a.deed)
	r.GET("/shows/:show/seats", a.showHall)
	r.POST("/shows/:show/seats", a.chooseByForm)
	r.GET("/shows/:show/checkout", a.showTill)
	r.POST("/shows/:show/checkout", a.payByForm)
	r.GET("/orders/:order", a.showTimeline)
	r.GET("/orders/:order/ticket", a.showTickets)
	r.GET("/shows/:show/widget", a.widget)
	r.GET("/shows/:show/pictures/:hash", a.getPicture)
	r.GET("/desk", a.atDesk(a.desk))
	r.GET("/desk/shows/:show", a.atDesk(a.showDesk))
	r.POST("/desk/sign-in", a.signIn)
	r.POST("/desk/sign-out", a.signOut)
	r.GET("/assets/*file", a.asset)
	r.GET("/openapi.yaml", contract)
	r.GET("/.well-known/jwks.json", a.jwks)
	if !a.SeparateOps {
		a.ops(r)
	}

	v1 := r.Group("/v1")
	v1.GET("/shows", a.listShows)
	v1.GET("/shows/:show", a.getShow)
	v1.GET("/shows/:show/seats/layout", a.getLayout)
	v1.GET("/shows/:show/seats/state", a.getSeatStates)

	v1.POST("/shows/:show/queue", a.join)
	v1.GET("/shows/:show/queue", a.poll)
	v1.DELETE("/shows/:show/queue", a.leave)
	v1.POST("/shows/:show/queue/waiting-list", a.enlist)
	v1.POST("/shows/:show/queue/move", a.offerMove)
	v1.POST("/shows/:show/queue/move/accept", a.acceptMove)
	v1.POST("/shows/:show/queue/prolong", a.prolong)
	v1.GET("/shows/:show/queue/challenge", a.challenge)
	v1.GET("/shows/:show/board", a.getBoard)
	v1.GET("/shows/:show/pass", a.checkPass)
	v1.GET("/shows/:show/draw", a.getDraw)
	v1.GET("/shows/:show/draw/list", a.listDrawn)

	v1.GET("/shows/:show/return", a.goBack)
	v1.GET("/gate", a.gateVerdict)
	v1.Match(anyMethod, "/gate/*path", a.gateVerdict)

	v1.POST("/shows/:show/holds", a.holdSeats)
	v1.GET("/holds", a.listHolds)
	v1.GET("/holds/:hold", a.getHold)
	v1.PUT("/holds/:hold", a.changeHold)
	v1.DELETE("/holds/:hold", a.releaseHold)
	v1.POST("/orders", a.placeOrder)
	v1.GET("/orders", a.listOrders)
	v1.GET("/orders/:order", a.getOrder)
	v1.POST("/orders/:order/cancel", a.cancelOrder)
	v1.GET("/orders/:order/timeline", a.getTimeline)
	v1.GET("/orders/:order/tickets", a.getTickets)
	v1.POST("/payments/webhook", a.paymentWebhook)
	v1.GET("/wallet", a.getWallet)
	v1.POST("/wallet/charges", a.chargeWallet)

	admin := v1.Group("/admin", a.admin)
	admin.GET("/shows", a.listAdminShows)
	admin.POST("/shows", a.createShow)
	admin.GET("/shows/:show", a.getAdminShow)
	admin.PATCH("/shows/:show", a.unlessChanged, a.patchShow)
	admin.DELETE("/shows/:show", a.deleteShow)
	admin.GET("/shows/:show/admission", a.getAdmission)
	admin.PATCH("/shows/:show/admission", a.unlessChanged, a.patchAdmission)
	admin.POST("/shows/:show/pause", a.unlessChanged, a.pause)
	admin.POST("/shows/:show/resume", a.unlessChanged, a.resume)
	admin.POST("/shows/:show/lobby", a.unlessChanged, a.lobby)
	admin.POST("/shows/:show/open", a.unlessChanged, a.open)
	admin.POST("/shows/:show/close", a.unlessChanged, a.close)
	admin.POST("/shows/:show/reset", a.reset)
	admin.PUT("/shows/:show/message", a.unlessChanged, a.setMessage)
	admin.GET("/shows/:show/seats", a.getKept)
	admin.POST("/shows/:show/seats", a.keepSeats)
	admin.GET("/shows/:show/theme", a.getTheme)
	admin.PUT("/shows/:show/theme", a.setTheme)
	admin.DELETE("/shows/:show/theme", a.deleteTheme)
	admin.POST("/shows/:show/theme/publish", a.publishTheme)
	admin.PUT("/shows/:show/theme/picture", a.setPicture)
	admin.PUT("/shows/:show/draw/beacon", a.setBeacon)
	admin.GET("/shows/:show/stats", a.stats)
	admin.GET("/shows/:show/sales", a.sales)
	admin.GET("/shows/:show/visitors", a.findVisitor)
	admin.GET("/shows/:show/orders.csv", a.downloadOrders)
	admin.PUT("/shows/:show/bans/:visitor", a.banVisitor)
	admin.DELETE("/shows/:show/bans/:visitor", a.unbanVisitor)
	admin.PUT("/shows/:show/preferred/:visitor", a.preferVisitor)
	admin.GET("/vitals", a.vitals)
	admin.GET("/dead-letters", a.listDeadLetters)
	admin.POST("/dead-letters/redrive", a.redriveAll)
	admin.POST("/dead-letters/:event/:listener/redrive", a.redrive)
	admin.POST("/wallets/:visitor/charges", a.chargeVisitorsWallet)
	admin.GET("/orders/:order", a.getAnyOrder)
	admin.POST("/orders/:order/cancel", a.cancelAnyOrder)
	admin.GET("/orders/:order/timeline", a.getAnyTimeline)
	admin.GET("/audit", a.getAudit)
	admin.GET("/verify", a.verdict)
	return a.forOthers(r), nil
}

// anyMethod are those of requests that Envoy asks about, as they are.
var anyMethod = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// Ops serves health, metrics and profiles, for an address of their own.
func (a *API) Ops() (http.Handler, error) {
	r, err := a.engine()
	if err != nil {
		return nil, err
	}
	a.ops(r)
	r.GET("/debug/pprof/", gin.WrapF(pprof.Index))
	r.GET("/debug/pprof/profile", gin.WrapF(pprof.Profile))
	r.GET("/debug/pprof/trace", gin.WrapF(pprof.Trace))
	r.GET("/debug/pprof/symbol", gin.WrapF(pprof.Symbol))
	r.GET("/debug/pprof/cmdline", gin.WrapF(pprof.Cmdline))
	for _, profile := range []string{"allocs", "block", "goroutine", "heap", "mutex", "threadcreate"} {
		r.GET("/debug/pprof/"+profile, gin.WrapH(pprof.Handler(profile)))
	}
	return r, nil
}

func (a *API) ops(r *gin.Engine) {
	r.GET("/healthz", health)
	r.GET("/readyz", a.readiness)
	r.GET("/metrics", a.metrics())
}

func (a *API) engine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = false
	r.RedirectTrailingSlash = false
	if err := r.SetTrustedProxies(a.TrustedProxies); err != nil {
		return nil, err
	}
	if a.Tracing != nil {
		r.Use(a.traced())
	}
	r.Use(a.observe, a.recover)
	r.NoRoute(func(c *gin.Context) { a.fail(c, notFound) })
	return r, nil
}
