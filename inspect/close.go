package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/twk"
)

// connOutcome is what came of closing a connection.
type connOutcome struct {
	Kind string // "fine", "problem" or "refused"; empty: nothing yet
	Text string
}

// close closes one stream by sending [sfere.Close], and so with the same guard, audit
// and sender as everything that is sent.
func (in *Inspector) close(r *twk.Request) twk.Response {
	say := func(kind, text string) twk.Response {
		return twk.Respond(in.patch("conn-outcome", connOutcome{kind, text}))
	}
	cmd := console.Command{Sender: httpapi.SenderOf(r.Request, via, httpapi.CallerOf(r.Context()))}
	q := r.URL.Query()
	key, err := sfere.ParseKey(q.Get("key"))
	var conn uint64
	if err == nil {
		conn, err = strconv.ParseUint(q.Get("conn"), 10, 64)
	}
	if err == nil {
		cmd.Effects, err = json.Marshal(effect.List{sfere.Close{To: sfere.Exactly(key), Streams: []uint64{conn}, Report: "cluster"}})
	}
	if why := whyNot(r.Request); why != "" {
		in.console.Refused(r.Context(), cmd, httpapi.Forbidden(httpapi.CallerOf(r.Context())))
		return say("refused", "Not closed. "+why)
	}
	if err != nil || conn == 0 {
		err = errors.Join(err, errors.New("a stream is named by its number and a key"))
		in.console.Refused(r.Context(), cmd, err)
		return say("problem", "Nothing was closed: "+err.Error())
	}
	out, err := in.console.Send(r.Context(), cmd)
	if err == nil && len(out.Errors) > 0 {
		err = errors.New(out.Errors[0].Error)
	}
	if err != nil {
		return say("problem", "Nothing was closed: "+err.Error())
	}
	var sum sfere.Report
	for _, ran := range out.Ran {
		if report, ok := reportOf(ran.Value); ok {
			sum.Add(report)
		}
	}
	name := fmt.Sprintf("%s #%d", keyTextOf(key).Text, conn)
	if sum.Delivered == 0 {
		return say("problem", name+" was gone already.")
	}
	return say("fine", name+" was closed. Its client may come back: most do.")
}

// kickLink returns the address of the form with what throws out whoever has k.
func (in *Inspector) kickLink(k sfere.Key) string {
	list, err := json.Marshal(effect.List{sfere.Kick{To: sfere.Exactly(k)}})
	if err != nil {
		return ""
	}
	return in.url("send?", url.Values{"list": {string(list)}}.Encode())
}
