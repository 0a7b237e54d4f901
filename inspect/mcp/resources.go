package mcp

import (
	"context"
	"encoding/json"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/schema"
)

// registryURI is the resource that is the schema of all lists, and schemaURI begins
// that of one item.
const (
	registryURI = "sfere://registry"
	schemaURI   = "sfere://schema/"
)

// resources adds the schemas.
func resources(s *sdk.Server, c *console.Console) {
	add := func(uri, name, doc string, document *schema.Schema) {
		r := &sdk.Resource{URI: uri, Name: name, Description: doc, MIMEType: "application/schema+json"}
		s.AddResource(r, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
			text, err := json.Marshal(document)
			if err != nil {
				return nil, err
			}
			return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: uri, MIMEType: r.MIMEType, Text: string(text)}}}, nil
		})
	}
	add(registryURI, "registry", "JSON Schema of every list of effects.", c.Document())
	for _, i := range c.Describe() {
		if i.Args != nil {
			add(schemaURI+i.Name, i.Name, "JSON Schema of the arguments: "+i.Doc, i.Args)
		}
	}
}
