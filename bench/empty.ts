setTimeout(() => {}, 2 ** 30);
