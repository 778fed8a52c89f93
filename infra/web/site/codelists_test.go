package site_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// Everybody who reads the catalogue finds codelists, their terms and how to ask with them.
func TestCodelistsAreOnPages(t *testing.T) {
	h := newHouse(t)
	h.as("ada").get("/codelists").wants(t, http.StatusOK, "No codelist has been added")
	for i, content := range []string{"code,term\n44054006,Type 2 <diabetes>\n", "code,term,category\n44054006,Type 2 <diabetes>,illness\n38341003,Hypertension,illness\n"} {
		n := codelist.New{Name: "diabetes", Version: strconv.Itoa(i + 1), Title: "Diabetes & more", System: codelist.SNOMED, Content: strings.NewReader(content)}
		if _, err := h.codelists.Add(t.Context(), gatehouse.Principal{User: "cora"}, n); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []string{"ada", "cora", "chris", "aud"} {
		h.as(who).get("/codelists").wants(t, http.StatusOK, "Diabetes & more", "/codelists/diabetes/1", "/codelists/diabetes/2").lacks(t, "44054006")
	}
	h.as("ada").get("/codelists?q=TYPE+2").wants(t, http.StatusOK, "44054006", "Type 2 <diabetes>", "diabetes 2").lacks(t, "diabetes 1<", "<diabetes>")
	h.as("ada").get("/codelists?q=asthma").wants(t, http.StatusOK, "No term")
	h.as("ada").get("/codelists?q=a+b+c+d+e+f+g+h+i").wants(t, http.StatusOK, "at most 8 words")
	h.as("ada").get("/codelists/diabetes/2").wants(t, http.StatusOK, "SELECT code FROM codelists.diabetes_v2", "38341003", "illness", "2 of snomedct", "by cora")
	h.as("ada").get("/codelists/diabetes/1").wants(t, http.StatusOK, "44054006").lacks(t, "Category", "38341003")
	h.as("ada").get("/codelists/diabetes/3").wants(t, http.StatusNotFound)
	h.as("olga").get("/codelists").wants(t, http.StatusForbidden)
	h.as("ada").get("/datasets").wants(t, http.StatusOK, "/codelists")
}
