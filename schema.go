package sfere

// wireKey is the JSON form of a [Key].
type wireKey struct {
	Scope    string `json:"scope,omitempty" jsonschema:"minLength=1,maxLength=1024" jsonschema_description:"who may see the connection; left out, it is the scope of the dispatch"`
	Category string `json:"category" jsonschema:"minLength=1,maxLength=1024,description=what the connection is for"`
	ID       string `json:"id" jsonschema:"minLength=1,maxLength=1024,description=which connection of that category"`
}

// JSONSchemaAlias returns a value whose fields are those of the JSON form of k,
// for generators of schemas.
func (Key) JSONSchemaAlias() any { return wireKey{} }

// wirePattern is the JSON form of a [Pattern].
type wirePattern Pattern

// JSONSchemaAlias returns a value whose fields are those of the JSON form of p,
// for generators of schemas.
func (Pattern) JSONSchemaAlias() any { return wirePattern{} }
