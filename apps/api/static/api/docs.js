// Swagger UI over our own description. Requests it tries out carry the page's CSRF token to this site and no other.
"use strict";

{
  const docs = document.getElementById("docs");
  const safe = ["GET", "HEAD", "OPTIONS"];

  window.SwaggerUIBundle({
    url: docs.dataset.schema,
    domNode: docs,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const own = new URL(request.url, document.baseURI).origin === location.origin;
      if (own && request.method && !safe.includes(request.method.toUpperCase())) {
        request.headers["X-CSRFToken"] = docs.dataset.csrf;
      }
      return request;
    },
  });
}
