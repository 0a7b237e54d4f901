package inspect

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/sse/lag"
	"github.com/sfere-go/sfere/twk"
)

// networkView is the page of the network that a development machine is given.
type networkView struct {
	Delay, Jitter, Loss string
	ReadOnly            string // why nothing can be changed
	Outcome             connOutcome
}

func (in *Inspector) network(r *twk.Request) networkView {
	v := networkView{ReadOnly: whyNot(r.Request)}
	if n := in.opts.Network; n != nil {
		o := n.Options()
		v.Delay, v.Jitter, v.Loss = durationText(o.Delay), durationText(o.Jitter), durationText(o.Loss)
	}
	return v
}

func (in *Inspector) networkPage(r *twk.Request) twk.Response {
	return in.page("network", "Network", in.network(r))
}

// setNetwork makes the network as bad as the form says.
func (in *Inspector) setNetwork(r *twk.Request) twk.Response {
	say := func(kind, text string) twk.Response {
		v := in.network(r)
		v.Outcome = connOutcome{kind, text}
		return twk.Respond(in.patch("network-state", v), in.patch("count-network", in.counts()))
	}
	n := in.opts.Network
	switch why := whyNot(r.Request); {
	case n == nil:
		return say("problem", "This program has no network to change.")
	case why != "":
		return say("refused", "Not changed. "+why)
	}
	form, err := readForm(r)
	if err != nil {
		return twk.BadRequest(err)
	}
	var o lag.Options
	for _, f := range []struct {
		name string
		to   *time.Duration
	}{{"delay", &o.Delay}, {"jitter", &o.Jitter}, {"loss", &o.Loss}} {
		if text := form.Get(f.name); text != "" {
			if *f.to, err = time.ParseDuration(text); err != nil {
				return say("problem", fmt.Sprintf("Not changed: %s is %s. Write a duration such as 150ms or 2s.", f.name, short(fmt.Sprintf("%q", text), maxKey)))
			}
		}
	}
	if err := n.Set(o); err != nil {
		return say("problem", "Not changed: "+err.Error())
	}
	slog.Info("inspect: the network was changed", "by", httpapi.SenderOf(r.Request, via, httpapi.CallerOf(r.Context())).By, "network", fmt.Sprintf("%+v", o))
	return say("fine", "Changed. Streams that are open feel it with their next event.")
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
