-- Each assertion: documents and tokens that express it; the least first.
SELECT domain, subdomain, name, label, documents, tokens FROM assertion_coverage ORDER BY tokens, domain, subdomain, name
