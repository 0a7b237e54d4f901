// Command serve runs the program until its standard input ends. It has one stream, and
// dispatches what is to become tests.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"

	"example.com/app"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/twk"
)

func main() {
	rec, conns := record.NewWith(&record.Options{Ctx: true}), sfere.New(nil)
	d := app.New(rec, conns)
	as := app.App{User: "ann", Token: "a secret of ann"}
	bridge := twk.NewBridge(d, func(s twk.Session) app.App { return app.App{Session: s, User: "ann"} }, nil)
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", httpapi.New(console.New(d, conns, &console.Options[app.App]{
		Recorder: rec, NewCtx: func(context.Context) app.App { return as },
	}), &httpapi.Options{Guard: func(*http.Request) httpapi.Caller { return httpapi.Caller{Access: httpapi.Read} }})))
	mux.Handle("/sse", bridge.Handle(func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("lobby", "ann"), twk.Stream(twk.PatchSignals{Signals: map[string]any{"n": 1}}))
	}))
	srv := httptest.NewServer(mux)
	req, err := http.NewRequest(http.MethodGet, srv.URL+"/sse", nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Datastar-Request", "true")
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	if _, err := stream.Body.Read(make([]byte, 1)); err != nil { // it is held
		panic(err)
	}
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, items := range []effect.List{
		{app.Note{Text: effect.Now("plain"), Big: "`quoted\" \\"}, app.Mail{To: "ann"}},
		{app.Welcome{Name: "ann"}, effect.Serial{Key: "k", Effects: effect.List{app.Welcome{Name: "bob"}}}},
		{app.Check{Text: "a `b` \"c\"\n\u202e"}, app.Mail{}},
		{app.Note{Text: effect.Later[string](app.Me{})}},
		{sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{app.Note{Text: effect.Now("to all")}, twk.PatchSignals{Signals: map[string]any{"n": 2}}}}},
		{effect.Raw{Effect: "app/`no\" + panic(1) + \"", Args: json.RawMessage("{\"`\":\"\\\"`*/\"}")}, effect.Raw{Effect: "app/mail", Args: json.RawMessage(`{"too":1}`)}},
		{app.Note{Text: effect.Now("big"), Big: huge}, app.Note{Text: effect.Now("float"), Big: json.Number("1e300")}, app.Note{Text: effect.Now("id"), Big: uint64(18446744073709551615)}},
		{app.Note{Text: effect.Now("a\xffb")}},
		{app.LogIn{Name: "ann", Password: "hunter22"}},
	} {
		d.Dispatch(context.Background(), as, items...)
	}
	fmt.Println(srv.URL + "/api")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = stream.Body.Close()
	srv.Close()
}
