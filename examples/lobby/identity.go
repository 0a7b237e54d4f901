package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// identity is who a browser is: a name, and a token that tells two people apart
// who chose the same name at the same moment.
type identity struct{ Name, Token string }

// signer makes and checks the cookies that carry identities.
type signer string

func (s signer) sign(payload string) string {
	h := hmac.New(sha256.New, []byte(s))
	h.Write([]byte(payload))
	return payload + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

const cookieName = "lobby"

func newCookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (s signer) cookie(id identity) *http.Cookie {
	return newCookie(s.sign(base64.RawURLEncoding.EncodeToString([]byte(id.Name))+"."+id.Token), 0)
}

// identity returns who sent r, if its cookie is one of ours.
func (s signer) identity(r *http.Request) (identity, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return identity{}, false
	}
	name, rest, _ := strings.Cut(c.Value, ".")
	token, _, _ := strings.Cut(rest, ".")
	plain, err := base64.RawURLEncoding.DecodeString(name)
	return identity{string(plain), token}, err == nil && hmac.Equal([]byte(c.Value), []byte(s.sign(name+"."+token)))
}
