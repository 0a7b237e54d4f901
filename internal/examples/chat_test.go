package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/browser"
)

// The program of the README, which listens on a port of its own here.
func TestBrowserChat(t *testing.T) {
	b := browser.New(t)
	src, err := os.ReadFile("../../examples/chat/main.go")
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	text := strings.Replace(string(src), `":8080"`, `"`+addr+`"`, 1)
	// The browser of a test reaches no CDN.
	text = strings.Replace(text, "twk.Client{}.Script()", "client.Script()", 1)
	text = strings.Replace(text, "sfere.NewApp(nil)", "sfere.NewApp(&sfere.AppOptions{Client: client})", 1)
	text = strings.Replace(text, "func main() {", "func main() {\n\tclient, err := twk.FindClient(context.Background(), \"\")\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}", 1)
	dir, err := os.MkdirTemp(".", "_chat-") // inside the module, where imports resolve, and no part of ./...
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "chat")
	if out, err := exec.Command("go", "build", "-o", bin, "./"+dir).CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	serve(t, bin, addr)
	ann, bob := b.Page(t, "ann"), b.Page(t, "bob")
	for _, p := range []*browser.Page{ann, bob} {
		p.Go("http://" + addr)
		p.WaitText("button", "Say")
	}
	for {
		ann.Fill("input", "<b>hello</b>")
		ann.Click("button")
		ann.WaitText("#log", "<b>hello</b>")
		if strings.Contains(bob.Text("#log"), "<b>hello</b>") { // his stream may have opened later
			break
		}
	}
}
