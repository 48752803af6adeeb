// Viewer request, on the pages of the site: a deep link such as /portfolio/123 leads to the application's one page, which reads the
// address itself. A dot is no sign of a file here: instruments have names such as BTCUSDT.BINANCE.
var elsewhere = /^\/(api|assets|health|ws|\.well-known)(\/|$)/;
var file = /(^|\/)\.|\.(asp|aspx|avif|bak|cgi|css|csv|eot|gif|html?|ico|jpe?g|js|json|jsp|map|mjs|mp4|pdf|php|png|sql|svg|ttf|txt|wasm|webm|webmanifest|webp|woff2?|xml|ya?ml|zip)$/i;

function handler(event) {
    var request = event.request;
    var reads = request.method === 'GET' || request.method === 'HEAD';
    // The root is the distribution's default object, which is the same page.
    if (reads && request.uri !== '/' && !elsewhere.test(request.uri) && !file.test(request.uri)) {
        request.uri = '/index.html';
    }
    return request;
}
