// For browsers too old for modules: load the page again while its code is still good.
setTimeout(function () { location.reload(); }, 30000);
