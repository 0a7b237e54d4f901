package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/twk"
)

func Example() {
	d, err := dispatch.New(twk.Registry(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	c := console.New(d, nil, nil)
	mux := http.NewServeMux()
	mux.Handle("/inspect/api/", http.StripPrefix("/inspect/api", httpapi.New(c, nil)))
	srv := httptest.NewServer(mux)
	defer srv.Close()

	const redirect = `[{"effect":"twk/redirect","args":{"url":"/"}}]`
	for _, path := range []string{"/validate", "/send"} {
		req, err := http.NewRequest(http.MethodPost, srv.URL+"/inspect/api"+path, strings.NewReader(redirect))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+c.Token())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.Status, err)
		fmt.Print(string(text))
	}
	// Output:
	// 200 OK <nil>
	// {
	//   "valid": true,
	//   "problems": []
	// }
	// 403 Forbidden <nil>
	// {
	//   "error": "the token allows to look only"
	// }
}
