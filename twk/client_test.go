package twk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/datastarjs"
	"github.com/sfere-go/sfere/twk"
)

// The tag loads the client that is asked for, and checks it if it can.
func TestClientScript(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, got, want string }{
		{"the script, pinned", string(twk.Client{}.Script()), `<script type="module" src="` + datastarjs.URL + `" integrity="` + datastarjs.Integrity + `" crossorigin="anonymous"></script>`},
		{"the same by its name", string(twk.Client{URL: datastarjs.URL}.Script()), string(twk.Client{}.Script())},
		{"a script of one's own", string(twk.Client{URL: `/d.js?a&b"`}.Script()), `<script type="module" src="/d.js?a&amp;b&#34;"></script>`},
		{"with hash and nonce", string(twk.Client{URL: "/d.js", Integrity: "sha256-x"}.ScriptNonce("n0")),
			`<script type="module" src="/d.js" integrity="sha256-x" crossorigin="anonymous" nonce="n0"></script>`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	if twk.ClientVersion != datastarjs.Version {
		t.Errorf("the client is %s, the tests use %s", twk.ClientVersion, datastarjs.Version)
	}
}
