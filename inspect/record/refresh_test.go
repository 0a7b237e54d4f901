package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// What a refresh concerned is kept.
func TestRecorderKeepsWhatARefreshConcerned(t *testing.T) {
	conns := sfere.New(nil)
	t.Cleanup(conns.Close)
	rec := record.New(10)
	d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[twk.Session](rec)), sfere.Registry(conns)))
	d.Dispatch(t.Context(), twk.Session{}, sfere.Refresh{Topic: "board"})
	if diff := cmp.Diff(any(sfere.Refreshed{}), rec.Recent()[0].Steps[0].Value); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
}
